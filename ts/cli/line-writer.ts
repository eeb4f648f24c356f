/** Lines of programs on a stream of ours, byte by byte as they wrote them. */
import type { Writable } from 'node:stream'

const NEWLINE = Buffer.from('\n')

/** Gives a promise when the stream's reader is slow: until then whoever writes the lines is to wait. */
export function lineWriter(to: Writable): (prefix: string, line: Buffer) => Promise<void> | undefined {
  let drained: Promise<void> | undefined
  let go = () => {}
  const goOn = () => {
    drained = undefined
    go()
  }
  let broken = false
  to.on('drain', goOn)
  to.once('error', () => {
    broken = true // nobody reads it any more
    goOn()
  })
  return (prefix, line) => {
    if (broken || to.write(Buffer.concat([Buffer.from(prefix), line, NEWLINE]))) return undefined
    drained ??= new Promise((resolve) => (go = resolve))
    return drained
  }
}
