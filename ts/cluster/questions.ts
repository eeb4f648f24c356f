/**
 * What one node asks the others of themselves (`gshm locks`): every member gets the question, and answers at
 * once with a text, in pieces that fit messages. Whoever is lost, or takes too long, has no answer. What a peer
 * tells is not looked at here.
 */
import { GshmError } from '../base/errors.js'
import { expectOfPeer } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import type { ControlMessage } from './messages.js'

/** Bytes of an answer. */
export const ANSWER_BYTES_MAX = 4 * 2 ** 20
/** Questions that wait for answers, each to all members. */
export const QUESTIONS_MAX = 16
/** Longer than a node may stand still before it is lost. */
const PATIENCE_MS = 5000
/** Characters of ASCII; below ts/wire's bound of a text. */
const PIECE = 4000

interface Question {
  readonly waitsFor: Set<NodeId>
  readonly told: Map<NodeId, string[]>
  readonly bytes: Map<NodeId, number>
  readonly over: () => void
}

export class Questions {
  readonly #open = new Map<number, Question>()
  #last = 0

  constructor(
    private readonly send: (to: NodeId, message: ControlMessage) => void,
    /** What this node answers: ASCII; what is beyond ANSWER_BYTES_MAX is not sent. */
    private readonly answer: (what: string) => string,
  ) {}

  /** Gives what each of `nodes` has answered; undefined: nothing, in time. Rejects with LIMIT. */
  async ask(nodes: readonly NodeId[], what: string): Promise<Map<NodeId, string | undefined>> {
    if (this.#open.size >= QUESTIONS_MAX) {
      throw new GshmError('LIMIT', `${QUESTIONS_MAX} questions to all nodes are under way: try again`)
    }
    const number = ++this.#last
    const question: Question = { waitsFor: new Set(nodes), told: new Map(), bytes: new Map(), over: () => {} }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS)
      this.#open.set(number, { ...question, over: () => (clearTimeout(timer), resolve()) })
      for (const node of nodes) this.send(node, { type: 'Ask', number, what })
      this.#settle(number)
    })
    this.#open.delete(number)
    const { waitsFor, told } = question
    return new Map(nodes.map((node) => [node, waitsFor.has(node) ? undefined : told.get(node)?.join('')]))
  }

  asked(from: NodeId, { number, what }: Extract<ControlMessage, { type: 'Ask' }>): void {
    const text = this.answer(what).slice(0, ANSWER_BYTES_MAX)
    for (let at = 0; at <= text.length; at += PIECE) {
      const last = at + PIECE > text.length
      this.send(from, { type: 'Told', number, last, text: text.slice(at, at + PIECE) })
    }
  }

  told(from: NodeId, { number, last, text }: Extract<ControlMessage, { type: 'Told' }>): void {
    expectOfPeer(Number.isInteger(number) && number >= 1 && number <= this.#last, 'Told of what was never asked')
    const question = this.#open.get(number)
    if (question === undefined) return // too late
    expectOfPeer(question.waitsFor.has(from), 'Told twice')
    expectOfPeer(last || text.length > 0, 'Told nothing')
    const bytes = (question.bytes.get(from) ?? 0) + text.length
    expectOfPeer(bytes <= ANSWER_BYTES_MAX, `Told more than ${ANSWER_BYTES_MAX} bytes`)
    question.bytes.set(from, bytes)
    const pieces = question.told.get(from)
    if (pieces === undefined) question.told.set(from, [text])
    else pieces.push(text)
    if (last) this.#heard(number, question, from)
  }

  /** Nobody waits for that node any more. */
  lost(node: NodeId): void {
    for (const [number, question] of this.#open) {
      question.told.delete(node)
      this.#heard(number, question, node)
    }
  }

  #heard(number: number, question: Question, node: NodeId): void {
    question.waitsFor.delete(node)
    this.#settle(number)
  }

  #settle(number: number): void {
    const question = this.#open.get(number)
    if (question?.waitsFor.size === 0) question.over()
  }
}
