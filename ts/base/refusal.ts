/** How a refusal of another node becomes one's own. */
import { ERROR_NAMES, type ErrorName } from './errors.js'
import type { RefuseEffect } from './effects.js'
import { expectOfPeer } from './peer-error.js'

/** Checks the error's name: it comes from a peer. */
export function refusalOf(ticket: number, error: string, detail: string): RefuseEffect {
  expectOfPeer(error !== 'OK' && (ERROR_NAMES as readonly string[]).includes(error), `refused with '${error}'`)
  return { do: 'Refuse', ticket, error: error as Exclude<ErrorName, 'OK'>, detail }
}
