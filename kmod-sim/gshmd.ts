/** gshmd: the daemon as a program. Says {"ready":true,...} on standard output once it serves. */
import { pino } from 'pino'
import { Daemon } from './daemon.js'
import { parseOptions, version, type DaemonOptions } from './options.js'

/** The one line for a failed start, to whoever listens for it or else to standard error; status 1. */
function giveUp(error: unknown): void {
  const known = error instanceof Error && 'code' in error
  const text = known ? `${String(error.code)}: ${error.message}` : String((error as Error)?.stack ?? error)
  if (known && process.send !== undefined) return void process.send(`gshmd: ${text}`, () => process.exit(1))
  process.stderr.write(`gshmd: ${text}\n`)
  process.exit(1)
}

async function main(options: DaemonOptions): Promise<void> {
  const log = pino({ level: options.logLevel, name: options.name }, pino.destination({ dest: 2, sync: true }))
  let ending = false
  const end = async (status: number): Promise<void> => {
    if (ending) return
    ending = true
    await daemon.stop()
    process.exit(status)
  }
  const daemon = new Daemon(
    options,
    { info: (text) => log.info(text), warn: (text) => log.warn(text), error: (text) => log.error(text) },
    (why) => {
      log.error(why)
      void end(1)
    },
  )
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(0))
  process.on('SIGHUP', () => {}) // a daemon outlives the terminal it was started from
  const { node, listen, keeperPid } = await daemon.start()
  const ready = {
    ready: true,
    cluster: options.cluster,
    node,
    name: options.name,
    version,
    socket: options.socket,
    listen,
    pid: process.pid,
    keeperPid,
  }
  process.stdout.write(`${JSON.stringify(ready)}\n`)
}

try {
  await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  giveUp(error)
}
