/** What a process can make the daemon write, as often as it likes. */
import t from 'tap'
import { QuietLog } from '../../kmod-sim/quiet-log.js'
import { becomes } from '../support/becomes.js'
import { startNode } from '../support/cluster.js'
import { frame, Hostile } from '../support/hostile.js'

t.test('log: twenty lines of each process in a period, then how many more', async (t) => {
  const lines: string[] = []
  const ends: (() => void)[] = []
  const log = new QuietLog(
    (text) => lines.push(text),
    (end) => ends.push(end),
  )
  for (let n = 0; n < 25; n++) log.about('process 7', `seven ${n}`)
  log.about('process 8', 'eight')
  t.equal(lines.length, 21)
  t.same(lines.slice(-2), ['seven 19', 'eight'], 'another process has lines of its own')
  for (const end of ends.splice(0)) end()
  t.same(lines.slice(21), ['process 7: 5 more such lines within 10 s are left out'])
  log.about('process 7', 'again')
  t.equal(lines.at(-1), 'again', 'a new period')
  log.close()
  t.equal(lines.length, 23)
})

t.test('log: a process that breaks the protocol a thousand times', async (t) => {
  const node = await startNode(t)
  const hostile = new Hostile(node.socket(0))
  t.teardown(() => hostile.stop())
  for (let n = 0; n < 1000; n++) {
    const connection = await hostile.connect()
    await hostile.send(connection, frame(99))
    await hostile.receive(connection)
  }
  const said = () => node.log(0).match(/broke the protocol/g)?.length
  t.equal(await becomes(20, said), 20)
  const { child } = node.daemon(0)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
  t.match(node.log(0), new RegExp(`process ${hostile.program.pid}: 980 more such lines`))
})
