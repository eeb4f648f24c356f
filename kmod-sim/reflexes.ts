/**
 * Reflexes: what the engine will do with a lock at its next event (ts/sync/foresight.ts) is prepared in the addon,
 * which does it as the event comes (native/addon/reflexes.h). The event takes its way through the engine all the
 * same, right afterwards; its effects that have been carried out already are known here, and not performed again.
 *
 * So a lock changes hands, between nodes and on one, without any TypeScript between the one who gives it back and the
 * one who gets it, while everything that decides is where it was. Where the engine would have had to do more (a
 * release or an acquire of lazy release consistency that is due, a lock without a word), nothing is carried out.
 */
import { assert } from '../ts/base/assert.js'
import type { NodeId } from '../ts/base/ids.js'
import {
  native,
  type DeviceChannel,
  type PeerSocket,
  type Reflex,
  type Reflexes as Native,
} from '../ts/native/index.js'
import type { Message } from '../ts/node/messages.js'
import type { Effect } from '../ts/node/effects.js'
import { areEdgesIdle, type NodeState } from '../ts/node/state.js'
import { foreseen, type Foreseen } from '../ts/sync/index.js'
import type { WordOf } from './lock-words.js'

/** Where a local request's answer goes. */
export interface Caller {
  readonly channel: DeviceChannel
  readonly serial: number
}

export interface ReflexesHost {
  readonly state: NodeState
  /** The word that the owner would have; undefined: the lock has none. */
  wordOf(key: string, process: number): WordOf | undefined
  /** Words are to be given shut: somebody wants to hear of every lock and unlock. */
  keepsShut(): boolean
  /** Who asked for what has that ticket; undefined: nobody who can be answered ahead. */
  callerOf(ticket: number): Caller | undefined
  /** What comes next of this lock is the engine's, or is done by a line. */
  isBusy(key: string): boolean
  socket(to: NodeId): PeerSocket | undefined
  frameOf(message: Message): Uint8Array
}

interface Prepared {
  readonly id: number
  readonly what: Foreseen
  /** It has been carried out, and the engine is about to do so, too. */
  done: boolean
}

export class Reflexes {
  readonly native: Native = new native.Reflexes()
  readonly #byKey = new Map<string, Prepared>()
  /** Found by an event before it came to what was prepared, and to be prepared anew. */
  readonly #dropped = new Set<string>()
  #allowed = true
  #closed = false
  /** How many have been carried out. */
  count = 0
  host!: ReflexesHost

  /** Locks that have been given back, where what follows from it is done already. */
  freed(): string[] {
    const done = this.native.done()
    return done.length === 0 ? [] : [...this.#byKey].filter(([, { id }]) => done.includes(id)).map(([key]) => key)
  }

  /** Before the event's step: what has been carried out for it is the engine's to do now. Gives whether that is so. */
  begin(key: string): boolean {
    const prepared = this.#byKey.get(key)
    if (prepared === undefined || prepared.done) return false
    prepared.done = this.native.drop(prepared.id)
    if (prepared.done) {
      this.count++
      return true
    }
    this.#byKey.delete(key)
    this.#dropped.add(key)
    return false
  }

  /** Has the effect been carried out already? */
  did(effect: Effect): boolean {
    if (effect.do !== 'Lend' && (effect.do !== 'Send' || effect.message.type !== 'TokenPass')) return false
    const key = effect.do === 'Lend' ? effect.key : (effect.message as { key: string }).key
    const prepared = this.#byKey.get(key)
    if (prepared?.done !== true) return false
    this.#byKey.delete(key)
    assert(isSame(prepared.what, effect), `reflexes: ${effect.do} for ${key} is not what was foreseen`)
    return true
  }

  /** After a step: what comes next of the locks that it has changed is prepared. */
  end(): void {
    const { state } = this.host
    const idle = areEdgesIdle(state)
    if (idle !== this.#allowed) this.native.allow((this.#allowed = idle))
    // Most steps are about pages.
    if (state.sync.changed.size + this.#dropped.size === 0) return
    for (const key of state.sync.changed) this.#renew(key)
    for (const key of this.#dropped) this.#renew(key)
    this.#dropped.clear()
  }

  /** Nothing that is prepared is right any more. */
  forget(): void {
    for (const [key, prepared] of this.#byKey) this.#drop(key, prepared)
  }

  close(): void {
    this.forget()
    this.#closed = true
  }

  #renew(key: string): void {
    const prepared = this.#byKey.get(key)
    if (prepared !== undefined) this.#drop(key, prepared)
    const what = this.#closed ? undefined : foreseen(this.host.state.sync, key)
    const reflex = what && this.#reflexFor(key, what)
    const id = reflex === undefined ? 0 : this.native.prepare(reflex)
    if (what !== undefined && id !== 0) this.#byKey.set(key, { id, what, done: false })
  }

  #drop(key: string, { id, done }: Prepared): void {
    assert(!done, `reflexes: what was carried out for ${key} is not what the engine did`)
    assert(!this.native.drop(id), `reflexes: ${key} has changed between an event and its step`)
    this.#byKey.delete(key)
  }

  #reflexFor(key: string, what: Foreseen): Reflex | undefined {
    const trigger = what.on === 'freed' ? {} : { frame: this.host.frameOf(what.on) }
    if (what.do === 'pass') {
      const word = this.host.wordOf(key, 0)
      const socket = this.host.socket(what.to)
      return word && socket && { ...word, ...trigger, socket, bytes: this.host.frameOf(what.message) }
    }
    if (this.host.isBusy(key)) return undefined
    const { process, holder, ticket } = what.claim
    const word = this.host.wordOf(key, process)
    const caller = this.host.callerOf(ticket)
    const shut = what.shut || this.host.keepsShut()
    return word && caller && { ...word, ...trigger, ...caller, holder, shut }
  }
}

function isSame(what: Foreseen, effect: Extract<Effect, { do: 'Lend' | 'Send' }>): boolean {
  if (effect.do === 'Lend') {
    if (what.do !== 'lend') return false
    const { process, holder } = what.claim
    return process === effect.process && holder === effect.holder && what.shut === effect.shut
  }
  if (what.do !== 'pass' || effect.message.type !== 'TokenPass') return false
  const { turn, ownerDied } = effect.message
  return effect.to === what.to && turn === what.message.turn && ownerDied === what.message.ownerDied
}
