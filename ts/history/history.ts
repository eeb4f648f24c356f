/**
 * A history in columns. An operation is known by the number of its line, from 1, a thread, a location
 * and a version by small numbers from 1; 0 is none everywhere. A version is what one exchange wrote
 * to one location, or the zero that the location began with. Since every exchange tells which version
 * it overwrote, the order of a location's versions is part of the history.
 */
import { GshmError } from '../base/errors.js'
import { grown } from './columns.js'
import { Interner } from './interner.js'

const LENGTH_LEAST = 64
const column = () => new Uint32Array(LENGTH_LEAST)

/** Two exchanges that overwrote the same version. */
export interface Doubled {
  readonly first: number
  readonly second: number
}

export class History {
  operations = 0
  /** By operation: its thread, the version that it saw, the one that it wrote, its thread's next operation. */
  thread = column()
  read = column()
  written = column()
  next = column()
  /** By version: who wrote it, who overwrote it, how many R saw it. */
  writer = column()
  overwriter = column()
  readers = column()
  /** By thread: its first operation. By location: its first version, the zero. */
  first = column()
  initial = column()
  doubled: Doubled | undefined

  readonly #threads = new Interner()
  readonly #locations = new Interner()
  readonly #versions = new Interner() // (value, location)
  #last = column() // by thread: its last operation so far

  get threads(): number {
    return this.#threads.size
  }
  get locations(): number {
    return this.#locations.size
  }
  get versions(): number {
    return this.#versions.size
  }
  locationOf(version: number): number {
    return this.#versions.second(version)
  }
  /** The number that the file has for the operation's thread. */
  threadName(line: number): number {
    return this.#threads.first(this.thread[line]!)
  }

  /** Appends an operation to its thread; `written` is undefined for R. Errors: INVALID, with the line. */
  add(threadName: number, locationName: number, readValue: number, writtenValue: number | undefined): void {
    const line = ++this.operations
    if (line >= this.thread.length) this.#lengthen(line)
    const location = this.#location(locationName)
    this.#append(line, threadName)
    const read = this.#version(readValue, location)
    this.read[line] = read
    if (writtenValue === undefined) {
      this.readers[read]!++
      return
    }
    this.#write(line, writtenValue, location)
    const other = this.overwriter[read]!
    if (other === 0) this.overwriter[read] = line
    else this.doubled ??= { first: other, second: line }
  }

  /** What only the whole history tells: throws INVALID where a value was read that nobody wrote. */
  complete(): void {
    if (this.operations === 0) throw new GshmError('INVALID', 'the history has no operation')
    for (let line = 1; line <= this.operations; line++) {
      const version = this.read[line]!
      if (this.writer[version] !== 0) continue
      const value = this.#versions.first(version)
      if (value !== 0) throw malformed(line, `it read ${value}, which nobody wrote there`)
    }
  }

  /** The operation as it stands in the file, and its parts. */
  operation(line: number): Operation {
    const version = this.read[line]!
    const written = this.written[line]!
    const thread = this.threadName(line)
    const location = this.#locations.first(this.locationOf(version))
    const operation = { line, thread, location, read: this.#versions.first(version) }
    return written === 0 ? operation : { ...operation, written: this.#versions.first(written) }
  }

  #append(line: number, name: number): void {
    const thread = this.#threads.id(name)
    this.#last = grown(this.#last, thread)
    this.first = grown(this.first, thread)
    const last = this.#last[thread]!
    if (last === 0) this.first[thread] = line
    else this.next[last] = line
    this.#last[thread] = line
    this.thread[line] = thread
  }

  #location(name: number): number {
    const location = this.#locations.id(name)
    this.initial = grown(this.initial, location)
    if (this.initial[location] === 0) this.initial[location] = this.#version(0, location)
    return location
  }

  #version(value: number, location: number): number {
    const version = this.#versions.id(value, location)
    if (version >= this.writer.length) {
      this.writer = grown(this.writer, version)
      this.overwriter = grown(this.overwriter, version)
      this.readers = grown(this.readers, version)
    }
    return version
  }

  #write(line: number, value: number, location: number): void {
    if (value === 0) throw malformed(line, 'it wrote 0, the value that locations begin with')
    const version = this.#version(value, location)
    const other = this.writer[version]!
    if (other !== 0) throw malformed(line, `it wrote ${value}, which line ${other} had written there`)
    this.writer[version] = line
    this.written[line] = version
  }

  #lengthen(line: number): void {
    this.thread = grown(this.thread, line)
    this.read = grown(this.read, line)
    this.written = grown(this.written, line)
    this.next = grown(this.next, line)
  }
}

export interface Operation {
  readonly line: number
  readonly thread: number
  readonly location: number
  readonly read: number
  /** Absent for R. */
  readonly written?: number
}

export function malformed(line: number, what: string): GshmError {
  return new GshmError('INVALID', `line ${line} of the history: ${what}`)
}
