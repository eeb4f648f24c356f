/**
 * What a segment's memory promises, and who serialises its pages: chosen at its creation. Which
 * values there are, and the protocol that follows from them.
 */
import { PAGE_SIZE } from './ids.js'

/** srsw: single reader or single writer; mrsw: multiple readers or single writer; lrc: lazy release consistency. */
export const CONSISTENCIES = ['srsw', 'mrsw', 'lrc'] as const
/** central: one node; fixed: homes[page % homes.length]; dynamic: whoever owns the page (mrsw only). */
export const MANAGERS = ['central', 'fixed', 'dynamic'] as const
export const UNIT_MIN = PAGE_SIZE
export const UNIT_MAX = 65_536

export type Consistency = (typeof CONSISTENCIES)[number]
export type Manager = (typeof MANAGERS)[number]

export interface Model {
  readonly consistency: Consistency
  readonly manager: Manager
  /** Bytes that the protocol keeps together: a power of two from UNIT_MIN to UNIT_MAX. */
  readonly unit: number
}

/** What a creation gets that names nothing else. */
export const DEFAULT_MODEL: Model = { consistency: 'mrsw', manager: 'fixed', unit: UNIT_MIN }

/** Can the two go together? What is dynamic has an owner, which only mrsw's pages have. */
export function fits({ consistency, manager }: { readonly consistency: string; readonly manager: string }): boolean {
  return manager !== 'dynamic' || consistency === 'mrsw'
}

/** The name of the tables that serve a segment. */
export type ProtocolName = 'srsw' | 'mrsw' | 'mrsw-dynamic' | 'lrc'

/** The one place where a segment's attributes become a protocol: where its homes are is no matter of the tables. */
export function protocolName({ consistency, manager }: Pick<Model, 'consistency' | 'manager'>): ProtocolName {
  return consistency === 'mrsw' && manager === 'dynamic' ? 'mrsw-dynamic' : consistency
}
