/**
 * Who holds the locks that asynchronous code takes. A mutex belongs to its holder; a JavaScript
 * thread runs many tasks, so every lock() is a holder of its own, with a number beyond any thread
 * id, and two tasks of one process exclude each other as processes do. unlock() speaks for the one
 * that holds the lock now.
 */
export class Holders {
  readonly #held = new Map<string | bigint, bigint>()

  /** The lock was granted. */
  took(key: string | bigint, holder: bigint): void {
    this.#held.set(key, holder)
  }

  /** About to unlock: forgotten before the request goes, because the next holder may be granted before its answer. */
  give(key: string | bigint): bigint | undefined {
    const holder = this.#held.get(key)
    this.#held.delete(key)
    return holder
  }

  /** The unlock failed: it is held still, unless somebody else here has it by now. */
  keep(key: string | bigint, holder: bigint): void {
    if (!this.#held.has(key)) this.#held.set(key, holder)
  }
}
