/** The pager by itself: processes that end or fork in the middle of an effect. */
import t from 'tap'
import { globalPage } from '../../ts/base/ids.js'
import { Change, type FaultChannel } from '../../ts/native/index.js'
import type { TwinStore } from '../../kmod-sim/twin-store.js'
import type { FrameStore } from '../../kmod-sim/frame-store.js'
import { Pager } from '../../kmod-sim/pager.js'
import { ProcessRegistry, type Process } from '../../kmod-sim/process-registry.js'
import { Waiting } from '../../kmod-sim/waiting.js'

const P = 4096

/** A process whose every access change is answered by `answer`; once it has ended, calls throw. */
function setUp(drain: (process: Process) => void = () => {}) {
  const log: string[] = []
  const registry = new ProcessRegistry()
  const waiting = new Waiting()
  const closed = new Set<FaultChannel>()
  const answers = new Map<number, Change>()
  const add = (pid: number, parent?: Process) => {
    const change = (what: string) => (address: number) => {
      if (closed.has(faults)) throw new Error(`${what} on a closed channel`)
      log.push(`${pid} ${what} ${address / P}`)
      return answers.get(pid) ?? Change.ok
    }
    const faults = {
      protect: change('protect'),
      resume: change('resume'),
      poison: change('poison'),
    } as unknown as FaultChannel
    const process = registry.add({ faults, pid, uid: 0, gid: 0, ...(parent && { parent }) })
    if (parent === undefined) {
      process.table.add({ start: P, end: 2 * P, segment: 1, offset: 0 })
      process.table.add({ start: 5 * P, end: 6 * P, segment: 1, offset: 0 })
    }
    return process
  }
  const end = (process: Process) => {
    registry.remove(process)
    closed.add(process.faults)
  }
  const pager = new Pager(
    registry,
    { fill: () => {} } as unknown as FrameStore,
    {} as TwinStore,
    waiting,
    {
      drain,
      kill: (process) => (log.push(`${process.pid} killed`), end(process)),
      warn: () => {},
    },
    () => {},
  )
  return { log, registry, waiting, pager, add, answers, end }
}

t.test('a process that ends while a page is installed in it: the rest of the effect passes it by', async (t) => {
  const { log, waiting, pager, add, answers } = setUp()
  const dies = add(1)
  const lives = add(2)
  for (const process of [dies, lives]) {
    for (const at of [P, 5 * P]) waiting.add(globalPage(1, 0), { process, address: at, thread: 1, mapped: false })
  }
  answers.set(1, Change.again)
  pager.perform({ do: 'Install', segment: 1, page: 0, access: 'read', bytes: 'zero', twin: false }, undefined)
  t.ok(log.includes('1 killed'))
  t.same(
    log.filter((line) => line.startsWith('2')),
    ['2 resume 1', '2 resume 5'],
  )
})

t.test('a process that forks and ends while a page is poisoned: its child is poisoned too', async (t) => {
  const { log, pager, add, answers, end } = setUp((process) => {
    add(3, process)
    end(process)
  })
  answers.set(add(1).pid, Change.again)
  add(2)
  pager.perform({ do: 'Poison', segment: 1, page: 0 }, undefined)
  const seen = (pid: number) => log.filter((line) => line.startsWith(`${pid}`)).map((line) => line.slice(2))
  t.same(seen(1), ['protect 1'])
  for (const pid of [2, 3]) t.same(seen(pid), ['protect 1', 'poison 1', 'protect 5', 'poison 5'])
})

t.test('a child that a drain brings is protected too, and so is its child', async (t) => {
  let left = 2
  const { log, registry, pager, add, answers } = setUp((process) => {
    answers.delete(process.pid)
    if (left-- > 0) answers.set(add(process.pid + 1, process).pid, Change.again)
  })
  add(1)
  answers.set(1, Change.again)
  pager.perform({ do: 'Downgrade', segment: 1, page: 0 }, undefined)
  t.equal(registry.size, 3)
  for (const pid of [1, 2, 3]) t.same(log.filter((line) => line === `${pid} protect 5`).length > 0, true)
})
