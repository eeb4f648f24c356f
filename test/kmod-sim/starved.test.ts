/** A process that the scheduler does not let run is no process that resists. */
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'
import t from 'tap'
import { Patience, PROTECT_MS, STARVED_MS, type Runnable } from '../../kmod-sim/patience.js'
import { compiled } from '../../ts/launch/paths.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096

t.test('a process of the lowest priority beside busy ones, amid map and unmap, keeps its life', async (t) => {
  const cluster = await startCluster(t, 2)
  const probe = await Probe.start(cluster.socket(0))
  t.teardown(() => probe.kill())
  const at = await probe.ok('map', await probe.ok('create', 'turns', P, 0), 0, 0, 0)
  const remapper = cluster.start(1, compiled('test/support/remapper.js'), ['turns'])
  await remapper.line()
  const busy = [0, 1, 2].map(() =>
    spawn('taskset', ['-c', '0', process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  t.teardown(() => busy.forEach((one) => one.kill('SIGKILL')))
  execFileSync('taskset', ['-a', '-cp', '0', String(remapper.pid)])
  for (const thread of readdirSync(`/proc/${remapper.pid}/task`)) setPriority(Number(thread), 19)
  const alive = () => remapper.child.signalCode === null
  for (let turn = 0, last = 0n; turn < 10 && alive(); turn++) {
    await probe.ok('add', at + 16n, 1) // takes the page from it
    let now = last
    while (now === last && alive()) now = await probe.ok('get', at) // until it has had it again
    last = now
  }
  t.notMatch(cluster.log(1), /is killed/)
  t.ok(alive())
})

/** How long a process is waited for, the `times`-th time in one turn, on a clock of the test's; in milliseconds. */
function waitedFor(look: (ms: number) => Runnable, times = 1): number {
  let now = 0
  const patience = new Patience(
    () => look(now),
    () => now,
    () => {},
  )
  let began = 0
  for (let left = times; left > 0; left--) {
    began = now
    const goOn = patience.with(1)
    do now++
    while (goOn())
  }
  return now - began
}

t.test('how long a process is waited for', async (t) => {
  const thread = (ran: number | string) => new Map([['7', String(ran)]])
  const still = () => thread('stands still')
  const claim = (claim: string, from: number, got: number) =>
    t.ok(got >= from && got <= from + 60, `${claim}: ${got} ms`)
  const asleep = () => new Map<string, string>()
  claim('no thread wants to run', PROTECT_MS, waitedFor(asleep))
  claim('a thread runs', PROTECT_MS, waitedFor(thread))
  claim(
    'a thread is not let run at first',
    700 + PROTECT_MS - 40,
    waitedFor((ms) => (ms < 700 ? still() : thread(ms))),
  )
  claim('a thread is never let run', STARVED_MS + PROTECT_MS, waitedFor(still))
  claim('another one of the same turn', PROTECT_MS, waitedFor(still, 2))
})
