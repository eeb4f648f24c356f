/** Law 11 by itself: what is held, for how long, and in which order it goes on. */
import t from 'tap'
import { globalPage } from '../../ts/base/ids.js'
import type { CoherenceMessage, CoherenceType } from '../../ts/coherence/messages.js'
import type { NodeEvent } from '../../ts/node/events.js'
import { GRACE_US, GRACE_US_MAX, Hold } from '../../kmod-sim/hold.js'

const THREAD = 7

function message(
  type: CoherenceType,
  page: number,
  from = 1,
  bytes: CoherenceMessage['bytes'] = 'none',
): NodeEvent & { is: 'message' } {
  return {
    is: 'message',
    from,
    message: { type, segment: 1, page, requester: from, serial: 1, bytes, confirm: false },
  }
}

function setUp() {
  const delivered: NodeEvent[] = []
  let us = 0
  let due = Infinity
  let expired = () => {}
  const hold = new Hold(
    (event) => delivered.push(event),
    () => us / 1000,
    (callback) => {
      expired = callback
      return {
        arm: (microseconds) => {
          due = microseconds === 0 ? Infinity : us + microseconds
        },
        close: () => {},
      }
    },
  )
  const installed = (page: number, thread = THREAD) => hold.installed(globalPage(1, page), thread)
  /** Time goes on; the timer expires where it was armed for, or, with `busy`, when that has been done. */
  const pass = (microseconds: number, busy?: () => void) => {
    const until = us + microseconds
    if (busy !== undefined) {
      us = until
      busy()
    }
    while (due <= until) {
      us = Math.max(us, due)
      due = Infinity
      expired()
    }
    us = until
  }
  /** How many us a request for the page is held now: tens, for the clock's milliseconds are rounded. */
  const graceOf = (page: number) => {
    const event = message('GetRead', page)
    if (!hold.takes(event)) return 0
    const began = us
    while (delivered.at(-1) !== event) pass(due - us)
    return Math.round((us - began) / 10) * 10
  }
  return { hold, delivered, installed, pass, graceOf }
}

t.test('requests and orders for a page just installed are held; answers and other pages are not', async (t) => {
  for (const type of ['GetRead', 'GetWrite', 'FetchRead', 'FetchWrite', 'Inv'] as const) {
    const { hold, delivered, installed, pass } = setUp()
    installed(3)
    const event = message(type, 3)
    t.equal(hold.takes(event), true, type)
    t.equal(hold.takes(message(type, 4)), false, `${type} for another page`)
    pass(GRACE_US - 1)
    t.same(delivered, [])
    pass(1)
    t.same(delivered, [event], 'delivered when the grace has ended')
    t.equal(hold.takes(message(type, 3)), false, 'and not held after it')
  }
  const { hold, delivered, installed, pass } = setUp()
  installed(3)
  const resume: NodeEvent = { is: 'resume', segment: 1, page: 3 }
  t.equal(hold.takes(resume), true, 'nor does the home go on with who waits for it')
  for (const type of ['PageRead', 'PageWrite', 'InvAck', 'Done', 'PageLost', 'LostAck'] as const) {
    t.equal(hold.takes(message(type, 3)), false, type)
  }
  t.equal(hold.takes({ is: 'fault', segment: 1, page: 3, access: 'read' }), false)
  t.equal(hold.takes({ is: 'let', segment: 1 }), false)
  pass(GRACE_US)
  t.same(delivered, [resume])
})

t.test('what is held goes on in the order in which it came, each page at its own time', async (t) => {
  const { hold, delivered, installed, pass } = setUp()
  installed(3)
  const first = message('GetRead', 3, 1)
  const second = message('GetWrite', 3, 2)
  t.ok(hold.takes(first))
  pass(GRACE_US / 2)
  installed(4)
  const other = message('Inv', 4, 1)
  t.ok(hold.takes(other))
  t.ok(hold.takes(second))
  pass(GRACE_US / 2)
  t.same(delivered, [first, second])
  pass(GRACE_US / 2)
  t.same(delivered, [first, second, other])
})

t.test('what comes when the grace has ended and the timer has not waits behind what is held', async (t) => {
  const { hold, delivered, installed, pass } = setUp()
  installed(3)
  const early = message('Inv', 3, 1)
  hold.takes(early)
  const late = message('FetchRead', 3, 1)
  pass(2 * GRACE_US, () => t.ok(hold.takes(late)))
  t.same(delivered, [early, late])
})

t.test('the grace doubles while the same thread loses the page and faults on it again', async (t) => {
  const { installed, graceOf } = setUp()
  const graces = []
  for (let round = 0; round < 7; round++) {
    installed(3)
    graces.push(graceOf(3))
  }
  t.same(graces, [20, 40, 80, 160, 320, 320, 320])
  t.equal(graces.at(-1), GRACE_US_MAX)
})

t.test('the grace begins anew for another thread, and is no matter of other pages', async (t) => {
  const { installed, graceOf } = setUp()
  installed(3)
  graceOf(3)
  installed(3)
  t.equal(graceOf(3), 40)
  installed(4)
  t.equal(graceOf(4), GRACE_US)
  installed(3, THREAD + 1)
  t.equal(graceOf(3), GRACE_US)
  installed(3)
  t.equal(graceOf(3), GRACE_US)
})

t.test('a grace that grows while something is held is waited for', async (t) => {
  const { hold, delivered, installed, pass } = setUp()
  installed(3)
  const event = message('GetRead', 3)
  hold.takes(event)
  installed(3) // an upgrade, say: 40 us from now
  pass(GRACE_US)
  t.same(delivered, [])
  pass(GRACE_US)
  t.same(delivered, [event])
})

t.test('an answer of a node whose order is held stays behind it; what brings a page does not wait', async (t) => {
  const { hold, delivered, installed, pass } = setUp()
  installed(3)
  const order = message('FetchWrite', 3, 1)
  t.ok(hold.takes(order))
  const answer = message('PageWrite', 3, 1, 'kept')
  t.equal(hold.takes(message('PageWrite', 3, 2, 'kept')), false, 'of another node')
  t.equal(hold.takes(message('PageWrite', 4, 1, 'kept')), false, 'for another page')
  t.equal(hold.takes(message('PageRead', 3, 1, 'page')), false, 'with a page')
  t.ok(hold.takes(answer))
  pass(GRACE_US)
  t.same(delivered, [order, answer])
})

t.test('an answer of a node whose request is held does not wait', async (t) => {
  const { hold, installed } = setUp()
  installed(3)
  t.ok(hold.takes(message('GetRead', 3, 1)))
  t.equal(hold.takes(message('InvAck', 3, 1)), false)
})

t.test('nothing of a lost node is delivered any more; the others go on', async (t) => {
  const { hold, delivered, installed, pass } = setUp()
  installed(3)
  installed(4)
  const stays = message('GetWrite', 3, 2)
  const resume: NodeEvent = { is: 'resume', segment: 1, page: 3 }
  for (const event of [message('GetRead', 3, 1), stays, resume, message('Inv', 4, 1)]) t.ok(hold.takes(event))
  hold.lost(1)
  pass(GRACE_US)
  t.same(delivered, [stays, resume])
})

t.test('the real clock and timer: what is held comes by itself', async (t) => {
  await new Promise<void>((resolve) => {
    const event = message('GetRead', 3)
    const hold = new Hold((delivered) => {
      t.equal(delivered, event)
      hold.close()
      resolve()
    })
    // A machine that stops this process for longer than a grace may have to be asked again.
    do hold.installed(globalPage(1, 3), THREAD)
    while (!hold.takes(event))
  })
})
