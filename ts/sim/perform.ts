/** The effects of a step, performed one by one. */
import type { NodeId } from '../base/ids.js'
import { diffsOf, EDGE_FIELDS } from '../coherence/lrc/messages.js'
import { COHERENCE_TYPES } from '../coherence/messages.js'
import { HEAP_FIELDS } from '../heap/messages.js'
import { isCoherence, type Message } from '../node/messages.js'
import { SYNC_FIELDS } from '../sync/messages.js'
import { describeEffect } from './describe.js'
import { answered, mayRefuse } from './requests.js'
import { tell, type SimNode } from './sim-node.js'
import { Violation } from './violation.js'
import { forgotten, lent, shut } from './word.js'
import type { World } from './world.js'

/** What the other rooms say to each other at a loss is of no interest here. */
export const TRAVELS: ReadonlySet<string> = new Set([
  ...COHERENCE_TYPES,
  ...Object.keys(EDGE_FIELDS),
  ...Object.keys(SYNC_FIELDS),
  ...Object.keys(HEAP_FIELDS),
])

/** The next effect of the step that the node is in. */
export function perform(world: World, at: NodeId): void {
  const node = world.nodes[at]!
  const effect = node.todo.shift()!
  world.log?.(`  ${describeEffect(at, effect)}`)
  switch (effect.do) {
    case 'Send':
      if (TRAVELS.has(effect.message.type)) send(world, at, effect.to, effect.message)
      break
    case 'Answer':
      answered(world, at, effect.ticket, effect.answer)
      break
    case 'Refuse':
      if (!mayRefuse(world, at, effect.ticket, effect.error))
        throw new Violation(`node ${at} refuses: ${effect.error} ${effect.detail}`)
      answered(world, at, effect.ticket, undefined)
      break
    case 'Lend': {
      const lock = lockNumber(effect.key)
      node.words[lock] = lent(node.words[lock], effect.process, effect.shut)
      break
    }
    case 'Want': {
      const lock = lockNumber(effect.key)
      node.words[lock] = shut(node.words[lock])
      tell(node, lock)
      break
    }
    case 'Forget': {
      const lock = lockNumber(effect.key)
      node.words[lock] = forgotten(node.words[lock])
      break
    }
    case 'Resume':
      node.resumes.push(effect.page)
      break
    case 'Install':
      node.kernel.install(effect.page, effect.access, effect.bytes === 'page' ? pageOf(node) : effect.bytes)
      if (effect.twin) node.kernel.makeTwin(effect.page)
      break
    case 'Fill':
      node.kernel.fill(effect.page, effect.bytes === 'page' ? pageOf(node) : 0)
      break
    case 'Diff':
      node.diffs.push(node.kernel.diff(effect.page))
      break
    case 'Whole':
      node.diffs.push(node.kernel.whole(effect.page))
      break
    case 'DropTwin':
      node.kernel.dropTwin(effect.page)
      break
    case 'Patch': {
      const diff = typeof node.payload === 'object' ? node.payload[effect.diff] : undefined
      if (diff === undefined) throw new Violation(`node ${at} patches what did not come`)
      node.kernel.patch(effect.page, diff)
      break
    }
    case 'Downgrade':
      node.kernel.downgrade(effect.page)
      break
    case 'Copy':
      node.copied = node.kernel.copyOut(effect.page)
      break
    case 'Punch':
      node.kernel.punch(effect.page)
      break
    case 'Retry':
      node.kernel.retry(effect.page)
      break
    case 'Beyond':
      node.kernel.retry(effect.page)
      break
    case 'Poison':
      if (world.losses === 0) throw new Violation(`node ${at} poisons p${effect.page}, yet no node was lost`)
      node.kernel.poison(effect.page)
      break
    default:
      throw new Violation(`node ${at}: unexpected ${effect.do}`)
  }
  if (node.todo.length > 0) return
  node.payload = undefined
  node.copied = undefined
}

function lockNumber(key: string): number {
  return Number(key.slice(1))
}

function send(world: World, from: NodeId, to: NodeId, message: Message): void {
  const node = world.nodes[from]!
  const withPage = isCoherence(message) && message.bytes === 'page'
  if (withPage && node.copied === undefined) throw new Violation(`node ${from} sends what it did not copy`)
  if (from === to) throw new Violation(`node ${from} sends to itself`)
  if (!world.nodes[to]!.alive) return
  const flight = { message, payload: withPage ? node.copied : diffsOf(message) > 0 ? node.diffs : undefined }
  if (diffsOf(message) > 0) node.diffs = []
  world.setLink(from, to, [...world.link(from, to), flight])
}

function pageOf({ payload }: SimNode): number | undefined {
  return typeof payload === 'number' ? payload : undefined
}
