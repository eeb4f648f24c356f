/** Registered processes by themselves: what has been queued is read before their memory is judged. */
import t from 'tap'
import type { SegmentAttributes } from '../../ts/base/requests.js'
import { DEFAULT_MODEL } from '../../ts/base/consistency.js'
import type { FaultPoll, KeeperLink } from '../../ts/native/index.js'
import { FrameStore } from '../../kmod-sim/frame-store.js'
import { Processes } from '../../kmod-sim/processes.js'
import { Units } from '../../kmod-sim/units.js'
import { ProcessRegistry } from '../../kmod-sim/process-registry.js'
import { fakeChannel, type Done } from '../support/fake-channel.js'

const P = 4096

const attributes: SegmentAttributes = {
  ...DEFAULT_MODEL,
  segment: 1,
  name: 's',
  bytes: 8 * P,
  maxBytes: 8 * P,
  homes: [0],
  uid: 0,
  gid: 0,
  mode: 0o600,
  createdMs: 0,
}

t.test('map: an unmap of the very range that has not been read yet is read first', async (t) => {
  const done: (Done | 'drained' | 'let')[] = []
  const registry = new ProcessRegistry()
  const process = registry.add({
    faults: fakeChannel((what) => void done.push(what)),
    pid: 1,
    who: { uid: 0, gid: 0, groups: [] },
  })
  const poll: FaultPoll = {
    add: () => {},
    remove: () => {},
    drain: (id) => {
      t.equal(id, process.id)
      done.push('drained')
      processes.unmapped(process, P, 3 * P)
    },
    close: () => {},
  }
  const keeper: KeeperLink = {
    addChannel: () => {},
    dropChannel: () => {},
    addFrames: () => {},
    addLocks: () => {},
    dropLocks: () => {},
    dropFrames: () => {},
    close: () => {},
  }
  const frames = new FrameStore(
    P,
    () => {},
    () => {},
    new Units(() => attributes),
  )
  const processes = new Processes(registry, frames, poll, keeper, {
    attributes: () => attributes,
    letGo: () => done.push('let'),
    ended: () => {},
    warn: () => {},
  })
  t.teardown(() => (processes.close(), frames.close()))
  processes.hold(process, attributes)
  process.table.add({ start: P, end: 4 * P, segment: 1, offset: 0 })
  processes.map(process, 1, P, 0, 2 * P)
  t.same(done, ['drained', 'register'])
  t.same(process.table.views, [
    { start: P, end: 3 * P, segment: 1, offset: 0 },
    { start: 3 * P, end: 4 * P, segment: 1, offset: 2 * P },
  ])
  t.throws(() => processes.map(process, 1, 3 * P, 0, P), { code: 'ERR_GSHM_OVERLAP' }, 'what is there is there')
})
