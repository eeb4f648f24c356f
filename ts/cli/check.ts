/** `gshm check FILE`: is a history of loads and exchanges sequentially consistent? ts/history does the work. */
import { createReadStream } from 'node:fs'
import { GshmError } from '../base/errors.js'
import { check, describe, History, Reader } from '../history/index.js'
import { command } from './command.js'

const PIECE = 2 ** 20

export const checkCommand = () =>
  command<object>(
    'check <file>',
    'check a history for sequential consistency (- is standard input)',
    async (say, _, args) => {
      const started = performance.now()
      const history = await read(args[0] ?? '-')
      const violation = check(history)
      const seconds = Math.round(performance.now() - started) / 1000
      const { operations, threads, locations } = history
      say.print(`${operations} operations of ${threads} threads on ${locations} locations, ${seconds} s`)
      for (const line of violation === undefined ? ['Sequentially consistent.'] : describe(violation)) say.print(line)
      const outcome = { ok: violation === undefined, operations, threads, locations, seconds }
      return violation === undefined ? outcome : { ...outcome, violation }
    },
  )

async function read(file: string): Promise<History> {
  const history = new History()
  const reader = new Reader(history)
  const bytes: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: PIECE })
  try {
    for await (const piece of bytes) reader.feed(piece)
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    throw new GshmError('INVALID', `${file} cannot be read: ${code}`)
  }
  reader.end()
  return history
}
