/** Which consistency a segment may have, and where its homes may be. Checked as names are: where the request enters, and again on node 0. */
import {
  CONSISTENCIES,
  MANAGERS,
  UNIT_MAX,
  UNIT_MIN,
  fits,
  protocolName,
  type Model,
  type ProtocolName,
} from '../base/consistency.js'
import type { RefuseEffect } from '../base/effects.js'
import { isCount } from '../base/expect.js'
import { NODES_MAX, NO_NODE, type NodeId } from '../base/ids.js'
import type { ModelAsked, SegmentAttributes } from '../base/requests.js'

type Refusal = Pick<RefuseEffect, 'error' | 'detail'>

/** The home of a central manager when the creation names none. */
const CENTRAL_HOME: NodeId = 0

/** Whether it is a model at all; none but such is ever served. */
export function isModel<T extends Omit<ModelAsked, 'home'>>(asked: T): asked is T & Model {
  return modelInvalid(asked) === undefined
}

/** Why no segment can have it, whatever this build can do; undefined when one can. */
export function modelRefusal(asked: ModelAsked): Refusal | undefined {
  const detail = modelInvalid(asked) ?? homeInvalid(asked.home)
  return detail === undefined ? undefined : { error: 'INVALID', detail }
}

/** Why this build cannot serve it, which others may. */
export function buildRefusal(protocols: ReadonlySet<ProtocolName>, model: Model): Refusal | undefined {
  const { consistency, manager } = model
  if (protocols.has(protocolName(model))) return undefined
  const only = [...protocols].join(', ')
  const what = `consistency '${consistency}' with manager '${manager}'`
  return { error: 'UNSUPPORTED', detail: `${what}: this version has no protocol for it, only ${only}` }
}

function modelInvalid({ consistency, manager, unit }: Omit<ModelAsked, 'home'>): string | undefined {
  if (!isOneOf(CONSISTENCIES, consistency)) return `consistency is '${consistency}': it must be ${words(CONSISTENCIES)}`
  if (!isOneOf(MANAGERS, manager)) return `manager is '${manager}': it must be ${words(MANAGERS)}`
  if (!fits({ consistency, manager })) {
    return `manager is 'dynamic': only consistency 'mrsw' can have it, not '${consistency}'`
  }
  const isUnit = unit >= UNIT_MIN && unit <= UNIT_MAX && Number.isInteger(Math.log2(unit))
  return isUnit ? undefined : `unit is ${unit}: it must be a power of two from ${UNIT_MIN} to ${UNIT_MAX}`
}

function homeInvalid(home: NodeId): string | undefined {
  if (home === NO_NODE || (isCount(home) && home < NODES_MAX)) return undefined
  return `home is ${home}: it must be the number of a node, 0 to ${NODES_MAX - 1}`
}

/** The one home that the creation wants; NO_NODE: all members shall share the pages out. */
export function homeWanted({ manager, home }: ModelAsked): NodeId {
  return home === NO_NODE && manager === 'central' ? CENTRAL_HOME : home
}

/** In what the segment that exists differs from what is asked for; a home that is not asked for is any. */
export function modelMismatch(asked: ModelAsked, attributes: SegmentAttributes): Refusal | undefined {
  const { name, homes } = attributes
  for (const option of ['consistency', 'manager', 'unit'] as const) {
    if (asked[option] === attributes[option]) continue
    return mismatch(`'${name}' has ${option} ${attributes[option]}, not ${asked[option]}`)
  }
  const home = homeWanted(asked)
  if (home === NO_NODE || (homes.length === 1 && homes[0] === home)) return undefined
  return mismatch(`'${name}' has home ${homes.join(', ')}, not ${home}`)
}

function mismatch(detail: string): Refusal {
  return { error: 'OPTION_MISMATCH', detail }
}

function isOneOf(list: readonly string[], word: string): boolean {
  return list.includes(word)
}

function words(list: readonly string[]): string {
  return `'${list.slice(0, -1).join("', '")}' or '${list.at(-1)}'`
}
