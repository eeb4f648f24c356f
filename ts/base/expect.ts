/** How rooms check what came over a link, before they change anything. assert() is for one's own faults. */
import { ERROR_NAMES, type ErrorName } from './errors.js'
import type { RefuseEffect } from './effects.js'
import { PeerError } from './peer-error.js'

export function expectOfPeer(condition: boolean, what: string): asserts condition {
  if (!condition) throw new PeerError(what)
}

/** A whole number from 0: what tickets, offsets, sizes and node numbers of messages must be. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** Another node's refusal becomes one's own; the name of its error is checked. */
export function refusalOf(ticket: number, error: string, detail: string): RefuseEffect {
  expectOfPeer(error !== 'OK' && (ERROR_NAMES as readonly string[]).includes(error), `refused with '${error}'`)
  return { do: 'Refuse', ticket, error: error as Exclude<ErrorName, 'OK'>, detail }
}
