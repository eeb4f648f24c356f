/** How a check that cannot be made ends: one line on standard error, with --json an object too, status 1. */
import { CommanderError } from 'commander'
import { GshmError } from '../base/errors.js'

/** Whatever commander throws for help has been printed already. */
export function fail(error: unknown, json: boolean): void {
  if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) {
    process.exitCode = error.exitCode
    return
  }
  const { code, message } = described(error)
  console.error(`sim: ${code}: ${message}`)
  if (json) console.log(JSON.stringify({ ok: false, error: { code, message } }))
  process.exitCode = 1
}

function described(error: unknown): { code: string; message: string } {
  if (error instanceof GshmError) return error
  if (error instanceof CommanderError) {
    return { code: 'ERR_GSHM_INVALID', message: `${error.message.replace(/^error: /, '')} (see --help)` }
  }
  if (process.env['GSHM_DEBUG'] && error instanceof Error) console.error(error.stack)
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'ERR_GSHM_SYSTEM', message: message.replace(/\s*\n\s*/g, ' ') }
}
