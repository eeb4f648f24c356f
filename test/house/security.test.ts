/** docs/SECURITY.md and CONTAINERS.md: the tests that their claims name are there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../../ts/project/index.js'

for (const page of ['docs/SECURITY.md', 'docs/CONTAINERS.md', 'packaging/README.md']) {
  t.test(`${page}: every test that it names is there`, async (t) => {
    const named = [...readFileSync(join(projectRoot(), page), 'utf8').matchAll(/test\/[\w/-]+\.test\.ts/g)]
    t.ok(named.length > 0)
    t.same(
      named.map(([path]) => path).filter((path) => !existsSync(join(projectRoot(), path))),
      [],
    )
  })
}
