import t from 'tap'
import { LOST_PAGE } from '../../ts/base/ids.js'
import type { CoherenceMessage } from '../../ts/coherence/messages.js'
import { clusterCodec } from '../../ts/cluster/messages.js'
import { FrameReader } from '../../ts/wire/reader.js'

t.test('wire: a page whose bytes nobody has travels as a header, and arrives as LOST_PAGE', async (t) => {
  const message: CoherenceMessage = {
    type: 'PageWrite',
    segment: 1,
    page: 3,
    requester: 2,
    serial: 7,
    bytes: 'page',
    confirm: true,
  }
  const bytes = new Uint8Array(clusterCodec.bound(message))
  const end = clusterCodec.encode(message, LOST_PAGE, bytes, 0)
  t.equal(end, 24)
  const taken: unknown[] = []
  const reader = new FrameReader(clusterCodec)
  for (const half of [bytes.slice(0, 10), bytes.slice(10, end)]) {
    reader.push(half, (...arrived) => taken.push(...arrived))
  }
  t.strictSame(taken, [message, LOST_PAGE])

  const AT_TYPE = 4
  const AT_BYTES = 5
  for (const lie of [8, 9 + 1, 8 + 3, 16]) {
    const wrong = bytes.slice(0, end)
    wrong[AT_BYTES] = lie
    t.throws(() => new FrameReader(clusterCodec).push(wrong, () => {}), { name: 'PeerError' }, `octet ${lie}`)
  }
  const request = bytes.slice(0, end)
  request[AT_TYPE] = 1
  t.throws(() => new FrameReader(clusterCodec).push(request, () => {}), { name: 'PeerError' }, 'a request has no page')
})
