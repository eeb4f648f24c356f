/** The lines that a process writes, as the bytes that they are, at the pace of whoever takes them. */
import type { Readable } from 'node:stream'

const NEWLINE = 0x0a
/** Bytes of a line; a longer one comes in pieces. */
const MOST = 65_536

/** Gets a line without its end. What comes after it is not read before the promise is fulfilled. */
export type TakeLine = (line: Buffer) => Promise<void> | undefined

export class Lines {
  #begun = Buffer.alloc(0)
  #waiting = 0

  constructor(
    private readonly from: Readable,
    private readonly take: TakeLine,
  ) {
    from.on('data', (bytes: Buffer) => this.#split(bytes))
    from.once('end', () => this.#begun.length > 0 && this.#give(this.#begun))
  }

  /** Whoever takes them has asked to wait: there may be more to read. */
  get waits(): boolean {
    return this.#waiting > 0
  }

  #split(bytes: Buffer): void {
    let text = Buffer.concat([this.#begun, bytes])
    for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE)) {
      this.#give(text.subarray(0, end))
      text = text.subarray(end + 1)
    }
    if (text.length >= MOST) {
      this.#give(text)
      text = text.subarray(text.length)
    }
    this.#begun = text
  }

  #give(line: Buffer): void {
    const taken = this.take(line)
    if (taken === undefined) return
    this.#waiting++
    this.from.pause()
    void taken.then(() => --this.#waiting === 0 && this.from.resume())
  }
}
