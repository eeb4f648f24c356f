import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { becomes } from '../support/becomes.js'
import { startProgram } from '../support/program.js'

t.test('a test that is killed leaves no daemon, keeper or directory', async (t) => {
  const doomed = startProgram(undefined, fileURLToPath(new URL('../support/doomed-cluster.ts', import.meta.url)))
  t.teardown(() => doomed.stop())
  const [dir = '', ...pids] = (await doomed.line()).split(' ')
  const left = () => [dir, ...pids.map((pid) => join('/proc', pid, 'cmdline'))].map((path) => existsSync(path))
  t.same(left(), Array(5).fill(true))
  doomed.child.kill('SIGKILL')
  await doomed.ended
  t.same(await becomes(Array(5).fill(false), left), Array(5).fill(false))
})
