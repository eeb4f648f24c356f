/**
 * What the fault benchmark measures: which models, which kinds of access, what each kind is held against, and the
 * messages between nodes that it may take.
 */
import {
  DEFAULT_MODEL,
  protocolName,
  type Consistency,
  type Manager,
  type ProtocolName,
} from '../ts/base/consistency.js'
import { NO_NODE } from '../ts/base/ids.js'
import { modelRefusal } from '../ts/names/model.js'

export interface BenchModel {
  readonly consistency: Consistency
  readonly manager: Manager
}

/** Those that are measured when none is asked for. */
const MODELS: readonly BenchModel[] = [
  { consistency: 'srsw', manager: 'fixed' },
  { consistency: 'mrsw', manager: 'fixed' },
  { consistency: 'mrsw', manager: 'central' },
  { consistency: 'mrsw', manager: 'dynamic' },
  { consistency: 'lrc', manager: 'fixed' },
]

/** What C alone takes, p50, microseconds (bench/fault_floors.c). */
export type Floors = Record<'missing' | 'minor' | 'wp' | 'tcp' | 'message' | 'ask', number>

/**
 * Node a is where it happens, and b is the page's home where a is not. fault-round.ts makes them so.
 *
 *   local     first write to a fresh page whose home is a
 *   upgrade   write to a page that is readable on a and nowhere else; a is its home, but for lrc b is: a twin is made
 *   upgrade2  write to a page that is readable on a, its home, and on b
 *   remote2   read of a page that b has written
 *   remote3   read of a page that c has written, and has alone
 *   release2  gshm_release of a page that a has written, and b has read, nobody else
 *   release3  gshm_release of a page that a has written and c has a copy of
 *   acquire   gshm_acquire on c of that page
 */
export const KINDS = ['local', 'upgrade', 'upgrade2', 'remote2', 'remote3', 'release2', 'release3', 'acquire'] as const
export type Kind = (typeof KINDS)[number]

/** The sum of these floors is what a kind is held against; how many times that it may take is the project's own target. */
const AGAINST: Readonly<Record<Kind, { floors: readonly (keyof Floors)[]; target?: number }>> = {
  local: { floors: ['missing'], target: 1.6 },
  upgrade: { floors: ['wp'], target: 1.6 },
  upgrade2: { floors: ['wp', 'message'] },
  remote2: { floors: ['missing', 'tcp'], target: 3 },
  remote3: { floors: ['missing', 'tcp'], target: 3 },
  release2: { floors: ['ask', 'message'] },
  release3: { floors: ['ask', 'message'] },
  acquire: { floors: ['ask'] },
}

/**
 * Messages between nodes for each page; a kind that is missing is none of the model's. Whoever reads a page that nobody
 * else has may write it at once under srsw and with a dynamic manager.
 */
const BUDGETS: Readonly<Record<ProtocolName, Readonly<Partial<Record<Kind, number>>>>> = {
  srsw: { local: 0, remote2: 2, remote3: 4 },
  mrsw: { local: 0, upgrade: 0, upgrade2: 2, remote2: 2, remote3: 4 },
  'mrsw-dynamic': { local: 0, upgrade2: 2, remote2: 2, remote3: 3 },
  lrc: { local: 0, upgrade: 0, remote2: 2, remote3: 4, release2: 2, release3: 4, acquire: 0 },
}

export function floorOf(kind: Kind, floors: Floors): number {
  return AGAINST[kind].floors.reduce((sum, floor) => sum + floors[floor], 0)
}

export function targetOf(kind: Kind): number | undefined {
  return AGAINST[kind].target
}

export function budgetsOf(model: BenchModel): Readonly<Partial<Record<Kind, number>>> {
  return BUDGETS[protocolName(model)]
}

/** As `gshm ls` prints it. */
export function nameOf({ consistency, manager }: BenchModel): string {
  return `${consistency}/${manager}`
}

export function modelNamed(name: string): BenchModel {
  const [consistency, manager] = name.split('/') as [Consistency, Manager]
  return { consistency, manager }
}

/** The models that have what is asked for, or the one that both name; a text says why there is none. */
export function modelsAsked(consistency?: Consistency, manager?: Manager): readonly BenchModel[] | string {
  const found = MODELS.filter(
    (model) => model.consistency === (consistency ?? model.consistency) && model.manager === (manager ?? model.manager),
  )
  if (found.length > 0 || consistency === undefined || manager === undefined) return found
  const model = { consistency, manager }
  return modelRefusal({ ...DEFAULT_MODEL, ...model, home: NO_NODE })?.detail ?? [model]
}
