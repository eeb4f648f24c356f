import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { projectRoot } from '../../ts/project/index.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const readme = readFileSync(join(projectRoot(), 'README.md'), 'utf8')
const run = promisify(execFile)
const gshm = (...args: string[]) => run(process.execPath, [compiled('ts/cli/main.js'), ...args])

/** The code block that follows `<!-- name -->`. */
function example(name: string): string {
  return new RegExp(`<!-- ${name} -->\\n\`\`\`\\w+\\n([^]*?)\`\`\``).exec(readme)?.[1] ?? ''
}

t.test("the README's examples, as they stand there, count on in one memory on two nodes", async (t) => {
  const dir = t.testdir()
  for (const name of ['hello.c', 'hello.mjs', 'hello.cc']) {
    t.ok(example(name).split('\n').length > 5, `${name} is in the README`)
    writeFileSync(join(dir, name), example(name))
  }
  // What `npm install` of the clone does in the reader's project.
  mkdirSync(join(dir, 'node_modules'))
  await run('ln', ['-s', projectRoot(), join(dir, 'node_modules', 'globalshm')])
  const flags = (await gshm('flags')).stdout.trim().split(' ')
  await run('cc', ['hello.c', '-o', 'hello', '-Wall', '-Werror', ...flags], { cwd: dir })
  await run('c++', ['-std=c++17', 'hello.cc', '-o', 'hello++', '-Wall', '-Werror', ...flags], { cwd: dir })

  const cluster = await startCluster(t, 2)
  for (const [node, program, text] of [
    [0, join(dir, 'hello'), 'C on node 0: 1\n'],
    [1, join(dir, 'hello.mjs'), 'Node.js on node 1: 2\n'],
    [1, join(dir, 'hello'), 'C on node 1: 3\n'],
    [0, join(dir, 'hello.mjs'), 'Node.js on node 0: 4\n'],
  ] as const) {
    t.match(await cluster.run(node, program), { status: 0, stdout: text, stderr: '' })
  }
  for (const [node, text] of [
    [0, 'C++ on node 0: 1\n'],
    [1, 'C++ on node 1: 2\n'],
    [0, 'C++ on node 0: 3\n'],
  ] as const) {
    t.match(await cluster.run(node, join(dir, 'hello++')), { status: 0, stdout: text, stderr: '' })
  }
  // Whoever had the lock died with it: the next one goes on.
  for (const [program, text] of [
    [join(dir, 'hello'), 'C on node 0: 5\n'],
    [join(dir, 'hello.mjs'), 'Node.js on node 0: 6\n'],
  ] as const) {
    const holder = await Probe.start(cluster.socket(1))
    await holder.ok('lock', 'hello')
    await holder.kill()
    t.match(await cluster.run(0, program), { status: 0, stdout: text, stderr: '' })
  }
})

t.test('the README speaks of commands and files that exist', async (t) => {
  const help = (await gshm('--help')).stdout
  for (const [, command = ''] of readme.matchAll(/npx gshm (\w+)/g))
    t.match(help, new RegExp(`^  ${command} `, 'm'), command)
  const scripts = (
    JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  ).scripts
  for (const [, script = ''] of readme.matchAll(/npm run (\w[\w:-]*)/g)) t.ok(scripts[script], `npm run ${script}`)
  for (const [, path = ''] of readme.matchAll(/\]\(([\w./-]+)\)/g)) {
    await t.resolves(run('test', ['-e', join(projectRoot(), path)]), path)
  }
})
