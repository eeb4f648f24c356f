/** The fault path by itself: in which order a batch is worked off, and who is asked what. */
import t from 'tap'
import { FaultKind } from '../../ts/native/index.js'
import { FaultPath, type FaultHost } from '../../kmod-sim/fault-path.js'
import type { Parked } from '../../kmod-sim/reclaim.js'
import { ProcessRegistry } from '../../kmod-sim/process-registry.js'
import { Units } from '../../kmod-sim/units.js'
import { Waiting } from '../../kmod-sim/waiting.js'
import { fakeChannel } from '../support/fake-channel.js'

const P = 4096

function setUp(over: Partial<FaultHost> = {}) {
  const log: string[] = []
  const registry = new ProcessRegistry()
  const process = registry.add({
    faults: fakeChannel((what, at) => void log.push(`${what} ${at / P}`)),
    pid: 1,
    who: { uid: 0, gid: 0, groups: [] },
  })
  process.table.add({ start: P, end: 9 * P, segment: 1, offset: 0 })
  const host: FaultHost = {
    access: () => 'none',
    units: new Units(() => undefined),
    frames: () => 1,
    isHere: () => false,
    sizeOf: () => Infinity,
    comingOf: () => 0,
    beyond: (_, address, segment, offset) => log.push(`${address / P} is beyond: ${segment}.${offset / P}`),
    makeRoom: () => true,
    park: () => log.push('parked'),
    freshRun: () => 1,
    aheadBytes: 0,
    accessAhead: (_, __, access) => access,
    hasRoomAhead: () => true,
    fault: (_, page) => log.push(`fault of page ${page}`),
    refuse: (_, address) => log.push(`refused ${address / P}`),
    forked: () => log.push('forked'),
    unmapped: (of, start, end) => (of.table.cut(start, end), log.push('unmapped')),
    remapped: (of, from, to, length) => (of.table.move(from, to, length), log.push('remapped')),
    adopt: () => (log.push('adopt'), false),
    sawThread: (_, thread) => log.push(`saw ${thread}`),
    ...over,
  }
  const path = new FaultPath(registry, new Waiting(), host)
  const batch = (...records: number[][]) => {
    const flat = records.flatMap(([kind, ...rest]) => [process.id, kind!, ...rest])
    path.batch(Float64Array.from(flat), records.length)
  }
  return { log, batch, path }
}

t.test('a batch: a fault whose view a drain takes away, while a fault before it is served, tries again', async (t) => {
  const { log, batch } = setUp({
    sawThread: () => {},
    fault: (_, page) => {
      log.push(`fault of page ${page}`)
      if (page === 0) batch([FaultKind.unmap, 2 * P, 3 * P, 0])
    },
  })
  batch([FaultKind.read, P, 0, 7], [FaultKind.read, 2 * P, 0, 8])
  t.same(log, ['fault of page 0', 'unmapped', 'wake 2'], 'nobody looks for a view there')
})

t.test('a batch: address events come before faults, whatever their order', async (t) => {
  const { log, batch } = setUp({ sawThread: () => {} })
  batch(
    [FaultKind.write, P, 0, 7],
    [FaultKind.fork, 0, 99, 0],
    [FaultKind.read, 2 * P, 0, 7],
    [FaultKind.remap, 4 * P, 20 * P, P],
  )
  t.same(log, ['forked', 'remapped', 'fault of page 0', 'fault of page 1'], 'a step may take access from every view')
})

t.test('a batch: a fault where an event of the same batch has taken the view away tries again', async (t) => {
  const { log, batch } = setUp({ sawThread: () => {} })
  batch([FaultKind.read, P, 0, 7], [FaultKind.unmap, P, 2 * P, 0])
  t.same(log, ['unmapped', 'wake 1'], 'its thread tries again')
})

t.test('a fault outside every view: who faulted is learnt before its maps are looked at', async (t) => {
  const { log, batch } = setUp()
  batch([FaultKind.read, 50 * P, 0, 7])
  t.same(log, ['saw 7', 'adopt', 'refused 50'])
})

t.test('without room a fault is parked, unless the page is here: what may be mapped is never refused', async (t) => {
  const parked: Parked[] = []
  const here = new Set<number>([1])
  const { log, batch, path } = setUp({
    sawThread: () => {},
    makeRoom: () => false,
    isHere: (_, page) => here.has(page),
    park: (fault) => parked.push(fault),
  })
  batch([FaultKind.read, P, 0, 7], [FaultKind.write, 2 * P, 0, 8])
  t.same(log, ['fault of page 1'])
  t.match(parked, [{ address: P, access: 'read', thread: 7 }])
  t.equal(path.needs(parked[0]!), 1)
  path.refuse(parked[0]!, 'full')
  t.equal(log.pop(), 'refused 1')
  here.add(0)
  t.equal(path.needs(parked[0]!), 0, 'it has come meanwhile')
  path.refuse(parked[0]!, 'full')
  t.equal(log.pop(), 'fault of page 0', 'it has come meanwhile')
})
