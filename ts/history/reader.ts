/**
 * From bytes to operations (docs/HISTORY.md has the format). Bytes come in pieces of any length and
 * are looked at once, without a string or an object for a line.
 */
import { malformed, type History } from './history.js'

const NEWLINE = 10
const SPACE = 32
const DASH = 45
const ZERO = 48
const R = 82
const X = 88

/** What the field that is being read has been so far: nothing, digits, or one of three letters. */
const NOTHING = 0
const NUMBER = 1

const FIELDS = ['the thread', 'R or X', 'the location', 'the value read', 'the value written'] as const
const OPERATION = 1
const WRITTEN = 4

export class Reader {
  #field = 0
  #token = NOTHING
  #value = 0
  readonly #fields = new Float64Array(FIELDS.length)

  constructor(private readonly history: History) {}

  /** Throws INVALID, with the number of the line, at the first byte that does not belong there. */
  feed(bytes: Uint8Array): void {
    let token = this.#token
    let value = this.#value
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!
      const digit = byte - ZERO
      if (digit >= 0 && digit <= 9 && token <= NUMBER) {
        value = value * 10 + digit
        token = NUMBER
      } else if (byte === SPACE || byte === NEWLINE) {
        if (token !== NOTHING) this.#endField(token, value)
        token = NOTHING
        value = 0
        if (byte === NEWLINE) this.#endLine()
      } else if (token === NOTHING && (byte === R || byte === X || byte === DASH)) {
        token = byte
      } else {
        const shown = byte > SPACE && byte < 127 ? `'${String.fromCharCode(byte)}'` : `byte ${byte}`
        throw this.#malformed(`${shown} in ${FIELDS[this.#field] ?? 'a sixth field'}`)
      }
    }
    this.#token = token
    this.#value = value
  }

  /** No more bytes will come. A line without its newline may be half a line. */
  end(): void {
    if (this.#field > 0 || this.#token !== NOTHING) throw this.#malformed('it is cut off: it has no newline')
  }

  #endField(token: number, value: number): void {
    const field = this.#field++
    const name = FIELDS[field]
    if (name === undefined) throw this.#malformed('it has more than five fields')
    const fits =
      field === OPERATION ? token === R || token === X : token === NUMBER || (token === DASH && field === WRITTEN)
    if (!fits)
      throw this.#malformed(`${name} is wanted, not '${token === NUMBER ? value : String.fromCharCode(token)}'`)
    if (value > Number.MAX_SAFE_INTEGER) throw this.#malformed(`${name} is greater than 2^53 - 1`)
    this.#fields[field] = token === NUMBER ? value : token === DASH ? -1 : token
  }

  #endLine(): void {
    const count = this.#field
    if (count < WRITTEN) throw this.#malformed(count === 0 ? 'it is empty' : `${FIELDS[count]} is missing`)
    const fields = this.#fields
    const written = count > WRITTEN && fields[WRITTEN] !== -1 ? fields[WRITTEN] : undefined
    if (fields[OPERATION] === R && written !== undefined) throw this.#malformed('R writes no value')
    if (fields[OPERATION] === X && written === undefined) throw this.#malformed(`${FIELDS[WRITTEN]} is missing`)
    this.history.add(fields[0]!, fields[2]!, fields[3]!, written)
    this.#field = 0
  }

  #malformed(what: string) {
    return malformed(this.history.operations + 1, what)
  }
}
