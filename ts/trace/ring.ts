/** The last events of a trace: a bounded ring, so that tracing can stay on for as long as one likes. */
import { assert } from '../base/assert.js'

export class Ring<E> {
  readonly #events: E[] = []
  #next = 0
  /** Events that newer ones have replaced. */
  lost = 0

  /** @param room how many events it keeps, 1 at least */
  constructor(readonly room: number) {
    assert(Number.isSafeInteger(room) && room >= 1, 'trace: a ring has room for one event at least')
  }

  push(event: E): void {
    if (this.#events.length < this.room) {
      this.#events.push(event)
      return
    }
    this.#events[this.#next] = event
    this.#next = (this.#next + 1) % this.room
    this.lost++
  }

  /** The oldest first. */
  events(): E[] {
    return [...this.#events.slice(this.#next), ...this.#events.slice(0, this.#next)]
  }
}
