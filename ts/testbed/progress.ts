/** A bar on a terminal, a line now and then elsewhere: both on standard error. */
import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  /** What is being done now. */
  phase(text: string): void
  /** Counts up for `seconds` from now. */
  run(seconds: number): void
  stop(): void
}

const TICK_MS = 250
/** Without a terminal: a line every so many seconds, so that a log stays readable. */
const LINE_SECONDS = 5

export function progress(stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? bar(stream) : lines(stream)
}

function bar(stream: NodeJS.WriteStream): Progress {
  let timer: NodeJS.Timeout | undefined
  let shown: SingleBar | undefined
  const stop = () => {
    clearInterval(timer)
    shown?.stop()
    shown = undefined
  }
  return {
    phase: (text) => {
      stop()
      stream.write(`${text}\n`)
    },
    run: (seconds) => {
      const single = new SingleBar(
        { stream, format: '{bar} {value}/{total} s', hideCursor: true },
        Presets.shades_classic,
      )
      shown = single
      single.start(seconds, 0)
      const started = Date.now()
      timer = setInterval(() => single.update(Math.min(seconds, Math.floor((Date.now() - started) / 1000))), TICK_MS)
    },
    stop,
  }
}

function lines(stream: NodeJS.WriteStream): Progress {
  let timer: NodeJS.Timeout | undefined
  return {
    phase: (text) => void stream.write(`${text}\n`),
    run: (seconds) => {
      let passed = 0
      timer = setInterval(() => {
        passed += LINE_SECONDS
        if (passed < seconds) stream.write(`${passed} of ${seconds} s\n`)
      }, LINE_SECONDS * 1000)
    },
    stop: () => clearInterval(timer),
  }
}
