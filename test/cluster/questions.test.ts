/** Questions to all members: answers in pieces, of those who are there, and of peers that break the rules. */
import t from 'tap'
import type { NodeId } from '../../ts/base/ids.js'
import { PeerError } from '../../ts/base/peer-error.js'
import { ANSWER_BYTES_MAX, QUESTIONS_MAX, Questions } from '../../ts/cluster/questions.js'
import type { ControlMessage } from '../../ts/cluster/messages.js'

function asker(answer = '') {
  const sent: { to: NodeId; message: ControlMessage }[] = []
  return {
    questions: new Questions(
      (to, message) => sent.push({ to, message }),
      () => answer,
    ),
    sent,
  }
}
const told = (number: number, text: string, last = true) => ({ type: 'Told', number, last, text }) as const

t.test('questions: every member is asked; who is lost has no answer', async (t) => {
  const { questions, sent } = asker()
  t.same(await questions.ask([], 'locks'), new Map())
  const answers = questions.ask([1, 2, 3], 'locks')
  t.match(
    sent,
    [1, 2, 3].map((to) => ({ to, message: { type: 'Ask', number: 2, what: 'locks' } })),
  )
  questions.told(1, told(2, 'one'))
  questions.told(2, told(2, 'half', false))
  questions.told(3, told(2, 'th', false))
  questions.told(3, told(2, 'ree'))
  questions.lost(2)
  t.same(
    [...(await answers)],
    [
      [1, 'one'],
      [2, undefined],
      [3, 'three'],
    ],
  )
  questions.told(2, told(2, 'late'))
})

t.test('questions: a long answer travels in pieces, and no more of it than may be', async (t) => {
  for (const length of [0, 1, 4000, 4001, ANSWER_BYTES_MAX + 1]) {
    const { questions, sent } = asker('x'.repeat(length))
    questions.asked(1, { type: 'Ask', number: 1, what: '' })
    const other = asker()
    const answers = other.questions.ask([0], '')
    for (const { message } of sent) other.questions.told(0, message as ReturnType<typeof told>)
    t.equal((await answers).get(0)?.length, Math.min(length, ANSWER_BYTES_MAX), `${length}`)
  }
})

t.test('questions: what nobody asked for, too much of it, or nothing at all breaks the protocol', async (t) => {
  const { questions } = asker()
  const answers = questions.ask([1, 2], '')
  questions.told(2, told(1, ''))
  const bad = [told(0, ''), told(2, ''), told(1.5, ''), told(1, '', false), told(1, 'x'.repeat(ANSWER_BYTES_MAX + 1))]
  for (const message of bad) t.throws(() => questions.told(1, message), PeerError)
  t.throws(() => questions.told(2, told(1, '')), PeerError, 'twice')
  t.throws(() => questions.told(3, told(1, '')), PeerError, 'who was not asked')
  const more = Array.from({ length: QUESTIONS_MAX - 1 }, () => questions.ask([1], ''))
  await t.rejects(questions.ask([1], ''), { code: 'ERR_GSHM_LIMIT' })
  questions.lost(1)
  t.same(
    await answers,
    new Map([
      [1, undefined],
      [2, ''],
    ]),
  )
  await Promise.all(more)
})
