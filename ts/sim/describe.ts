/** Effects and events as the lines that transcripts consist of. */
import type { NodeId } from '../base/ids.js'
import { diffsOf } from '../coherence/lrc/messages.js'
import type { CoherenceMessage } from '../coherence/messages.js'
import type { Effect } from '../node/effects.js'
import type { NodeEvent } from '../node/events.js'
import { isCoherence, type Message } from '../node/messages.js'

export function describeMessage(message: Message): string {
  if (!isCoherence(message))
    return [message.type, ...listed(message), ...(diffsOf(message) > 0 ? ['diffs'] : [])].join(' ')
  const { type, page, bytes } = message
  return `${type} p${page}${bytes === 'none' ? '' : ` ${bytes}`}${forWhom(message)}`
}

export function describeEffect(at: NodeId, effect: Effect): string {
  switch (effect.do) {
    case 'Send':
      return `${at}->${effect.to} ${describeMessage(effect.message)}`
    case 'Install':
      return `${at}: Install p${effect.page} ${effect.access} ${effect.bytes}${effect.twin ? ', twin' : ''}`
    case 'Fill':
      return `${at}: Fill p${effect.page} ${effect.bytes}`
    case 'Patch':
    case 'Diff':
    case 'Whole':
    case 'DropTwin':
      return `${at}: ${effect.do} p${effect.page}`
    case 'Answer':
      return `${at}: Answer ${effect.answer.is}`
    case 'Downgrade':
    case 'Copy':
    case 'Punch':
    case 'Poison':
    case 'Retry':
    case 'Resume':
      return `${at}: ${effect.do} p${effect.page}`
    case 'Lend':
      return `${at}: Lend ${effect.key}${effect.shut ? ' shut' : ''}`
    case 'Introduce':
      return `${at}: Introduce ${effect.key} ${effect.number}: root ${effect.root}, ${effect.peers.join()}`
    case 'Part':
      return `${at}: Part ${effect.key} ${effect.number}`
    case 'Want':
    case 'Forget':
      return `${at}: ${effect.do} ${effect.key}`
    default:
      return `${at}: ${effect.do}`
  }
}

export function describeEvent(at: NodeId, event: NodeEvent): string {
  switch (event.is) {
    case 'fault':
      return `fault ${at} ${event.access} p${event.page}`
    case 'message':
      return `deliver ${event.from}>${at} ${describeMessage(event.message)}`
    case 'resume':
      return `resume ${at} p${event.page}`
    case 'evict':
      return `evict ${at} p${event.page}`
    case 'full':
      return `${event.full ? 'full' : 'room'} ${at}`
    case 'word':
      return `word ${at} ${event.key} ${event.held ? 'held' : 'free'}`
    case 'request':
    case 'cancel':
      return `${event.is} ${at} ${event.ticket}`
    case 'line':
      return `${event.what} ${at} ${event.key} ${event.number}`
    case 'lost':
      return `lost ${event.node} at ${at}`
    default:
      return `${event.is} ${at}`
  }
}

/** In what the home orders of others it matters whom it is for, and in Moved who is meant. */
function forWhom({ type, requester }: CoherenceMessage): string {
  if (type === 'Moved') return ` to ${requester}`
  return type === 'FetchRead' || type === 'FetchWrite' ? ` for ${requester}` : ''
}

/** The pages that a message of lrc lists, or the lock that one is about. */
function listed(message: Message): string[] {
  if ('pages' in message) return message.pages.map((page) => `p${page}`)
  return 'key' in message ? [message.key] : []
}
