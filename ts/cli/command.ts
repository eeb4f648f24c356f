/**
 * What every command has in common: --json, where text goes, one line for an error, the exit status.
 *
 * Without --json the report goes to standard output. With it standard output's last line is one
 * object with `ok`, and the report is not printed. Progress always goes to standard error. The exit
 * status is 0 exactly when ok, unless the command says which other status it wants. A reader that has
 * gone ends a command in silence; output that cannot be written for another reason is an error.
 */
import { Command, CommanderError } from 'commander'
import { GshmError } from '../base/errors.js'

export interface Outcome {
  readonly ok: boolean
  readonly [field: string]: unknown
}

export interface Say {
  readonly json: boolean
  /** A line of the report. */
  print(text: string): void
  /** A line for whoever waits. */
  progress(text: string): void
  /** The status to exit with in place of 1; for `run`, which hands on its program's. */
  status(code: number): void
}

export type Action<O> = (say: Say, options: O, args: string[]) => Promise<Outcome>

/** 128 + SIGPIPE, as a shell has it of any program whose reader has gone. */
const READER_GONE = 141

/** To be called once, before anything is written. What `exit` handlers are for still happens. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(READER_GONE)
    process.stderr.write(`gshm: ERR_GSHM_SYSTEM: standard output: ${error.message}\n`)
    process.exit(1)
  })
  process.stderr.on('error', () => {}) // there is nobody left to tell
}

/** A command with --json whose action's outcome is printed and becomes the exit status. */
export function command<O>(spec: string, description: string, action: Action<O>): Command {
  const made = new Command()
  const [name = spec, ...args] = spec.split(' ')
  made.name(name).description(description)
  for (const argument of args) made.argument(argument)
  made.option('--json', 'the last line of standard output is one JSON object with `ok`')
  made.action(async () => {
    const options = made.opts<O & { json?: boolean }>()
    let failing = 1
    const say: Say = {
      json: options.json === true,
      print: (text) => void (say.json || process.stdout.write(`${text}\n`)),
      progress: (text) => void process.stderr.write(`${text}\n`),
      status: (code) => void (failing = code),
    }
    try {
      const outcome = await action(say, options, made.args)
      if (say.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
      process.exitCode = outcome.ok ? 0 : failing
    } catch (error) {
      report(error, say.json)
    }
  })
  return made
}

/** One line on standard error; with --json the same as an object. */
export function report(error: unknown, json: boolean): void {
  const { code, message } = asGshmError(error)
  process.stderr.write(`gshm: ${code}: ${message}\n`)
  if (json) process.stdout.write(`${JSON.stringify({ ok: false, error: { code, message } })}\n`)
  process.exitCode = 1
}

/** commander's own complaints (an unknown option, a missing argument) and everything unforeseen. */
export function asGshmError(error: unknown): { code: string; message: string } {
  if (error instanceof CommanderError) {
    return { code: 'ERR_GSHM_INVALID', message: `${error.message.replace(/^error: /, '')} (see --help)` }
  }
  const known = error as { code?: unknown; message?: unknown }
  const message = String(known?.message ?? error).replace(/\s*\n\s*/g, ' ')
  if (error instanceof GshmError || String(known?.code).startsWith('ERR_GSHM_')) {
    return { code: String(known.code), message }
  }
  if (process.env['GSHM_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return { code: 'ERR_GSHM_SYSTEM', message }
}
