import { existsSync } from 'node:fs'
import t from 'tap'
import { onOwnCluster } from '../../ts/testbed/own-cluster.js'
import { leftovers } from '../support/leftovers.js'

const options = { name: 'own', nodes: 1, memory: 2 ** 24 }
const FOREVER = { node: 0, args: ['600'] }

t.test('programs that do not end are killed when their time is up, and it is said', async (t) => {
  const dir = await onOwnCluster(options, async (own) => {
    t.match(await own.run('sleep', [FOREVER], 0.05), [{ signal: 'SIGKILL', endedByUs: true }])
    t.match(own.troubles(), [/^sleep, pids \d+: not ended after 0\.05 s, and killed$/])
    return own.dir
  })
  t.notOk(existsSync(dir))
  t.same(leftovers(dir, [], new Set()), [])
})

t.test('when one program fails the others are ended, and only it is to blame', async (t) => {
  await onOwnCluster(options, async (own) => {
    const ends = await own.run('sleep', [FOREVER, { node: 0, args: ['no time'] }], 60)
    t.match(ends, [
      { signal: 'SIGKILL', endedByUs: true },
      { status: 1, endedByUs: false, stderr: /invalid time interval/ },
    ])
    t.match(await own.run('/nonexistent', [FOREVER], 60), [{ status: 127, stderr: /ENOENT/ }])
    t.same(own.troubles(), [])
  })
})

t.test('what a run throws comes through, after everything has been stopped', async (t) => {
  let dir = ''
  const run = onOwnCluster(options, async (own) => {
    dir = own.dir
    own.abort('enough')
    await own.run('sleep', [FOREVER], 60)
  })
  await t.rejects(run, { code: 'ERR_GSHM_SYSTEM', message: 'enough' })
  t.notOk(existsSync(dir))
})
