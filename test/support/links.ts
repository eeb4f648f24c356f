/**
 * Some nodes of one pure room, and the links between them: each in order, delivered one message at a
 * time by the test. What a node sends to itself is delivered within the step, as ts/node does.
 * Everything is plain data, so a test can copy the whole (structuredClone of `world`) and go on from
 * there in several ways.
 */
import type { RoomEffect } from '../../ts/base/effects.js'
import type { ErrorName } from '../../ts/base/errors.js'
import type { NodeId } from '../../ts/base/ids.js'
import type { Answer } from '../../ts/base/requests.js'

export type Outcome = Answer | { readonly is: 'refused'; readonly error: ErrorName; readonly detail: string }

export interface World<S, M> {
  states: Map<NodeId, S>
  /** 'from>to' -> what is on the way; a link that is idle is absent. */
  links: Map<string, M[]>
  /** Ticket -> how the request ended. Tickets are unique over all nodes. */
  outcomes: Map<number, Outcome>
  /** Messages sent between nodes, so far. */
  sent: number
}

/** Effects of the room's own, besides messages and answers. */
export type Extra<E> = Exclude<E, { readonly do: 'Send' | 'Answer' | 'Refuse' }>

export class Links<S, M extends { readonly type: string }, E extends { readonly do: string } = RoomEffect<M>> {
  world: World<S, M> = { states: new Map(), links: new Map(), outcomes: new Map(), sent: 0 }

  /** The step that is going on. */
  #within: { readonly node: NodeId; readonly inbox: M[] } | undefined

  /** @param receive the room's ...Message function @param extra gets what is neither Send nor answer */
  constructor(
    readonly receive: (state: S, from: NodeId, message: M, effects: E[]) => void,
    readonly extra: (node: NodeId, effect: Extra<E>) => void = () => {},
  ) {}

  state(node: NodeId): S {
    const state = this.world.states.get(node)
    if (state === undefined) throw new Error(`there is no node ${node}`)
    return state
  }

  /** One step of a node: whatever the room does, what it says to itself, and the effects of it all. What an effect
   * begins on the node (a release that is over at once) is part of the step: what it says to itself comes behind what
   * has been said before. */
  step(node: NodeId, act: (state: S, effects: E[]) => void): void {
    const effects: E[] = []
    act(this.state(node), effects)
    const within = this.#within
    const inbox = within?.node === node ? within.inbox : []
    this.#within = { node, inbox }
    try {
      for (const effect of effects) this.#perform(node, effect, inbox)
      if (within?.node === node) return
      for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) {
        const made: E[] = []
        this.receive(this.state(node), node, message, made)
        for (const effect of made) this.#perform(node, effect, inbox)
      }
    } finally {
      this.#within = within
    }
  }

  /** Delivers the oldest message of the link; true if there was one. */
  deliver(from: NodeId, to: NodeId): boolean {
    const link = `${from}>${to}`
    const queue = this.world.links.get(link)
    const message = queue?.shift()
    if (queue?.length === 0) this.world.links.delete(link)
    if (message === undefined) return false
    this.step(to, (state, effects) => this.receive(state, from, message, effects))
    return true
  }

  /** Links with something on the way, sorted. */
  busy(): { from: NodeId; to: NodeId }[] {
    return [...this.world.links.keys()].sort().map((link) => {
      const [from, to] = link.split('>').map(Number)
      return { from: from as number, to: to as number }
    })
  }

  /** Delivers until nothing is on the way. */
  settle(): void {
    for (let busy = this.busy(); busy.length > 0; busy = this.busy()) {
      for (const { from, to } of busy) this.deliver(from, to)
    }
  }

  /** The node is gone with everything on its links; `lost` tells each node that is left. */
  lose(node: NodeId, lost: (state: S, effects: E[]) => void): void {
    this.world.states.delete(node)
    for (const { from, to } of this.busy()) {
      if (from === node || to === node) this.world.links.delete(`${from}>${to}`)
    }
    for (const left of [...this.world.states.keys()]) this.step(left, lost)
  }

  /** How the request with that ticket ended: the error's name, or what the answer is. */
  outcome(ticket: number): string {
    const outcome = this.world.outcomes.get(ticket)
    if (outcome === undefined) return 'pending'
    return outcome.is === 'refused' ? outcome.error : outcome.is
  }

  /** What a refused request was told. */
  refusal(ticket: number): string {
    const outcome = this.world.outcomes.get(ticket)
    if (outcome?.is !== 'refused') throw new Error(`ticket ${ticket}: ${JSON.stringify(outcome)}, not refused`)
    return outcome.detail
  }

  answer<I extends Answer['is']>(ticket: number, is: I): Extract<Answer, { readonly is: I }> {
    const outcome = this.world.outcomes.get(ticket)
    if (outcome?.is !== is) throw new Error(`ticket ${ticket}: ${JSON.stringify(outcome)}, not ${is}`)
    return outcome as Extract<Answer, { readonly is: I }>
  }

  #perform(node: NodeId, effect: E, inbox: M[]): void {
    const known = effect as unknown as RoomEffect<M>
    switch (known.do) {
      case 'Send':
        if (known.to === node) {
          inbox.push(known.message)
          return
        }
        // To a node that is lost nothing arrives.
        if (!this.world.states.has(known.to)) return
        this.#enqueue(`${node}>${known.to}`, known.message)
        return
      case 'Answer':
        this.#end(known.ticket, known.answer)
        return
      case 'Refuse':
        this.#end(known.ticket, { is: 'refused', error: known.error, detail: known.detail })
        return
      default:
        this.extra(node, effect as Extra<E>)
    }
  }

  #enqueue(link: string, message: M): void {
    this.world.sent++
    const queue = this.world.links.get(link)
    if (queue === undefined) this.world.links.set(link, [message])
    else queue.push(message)
  }

  #end(ticket: number, outcome: Outcome): void {
    if (this.world.outcomes.has(ticket)) throw new Error(`ticket ${ticket} is answered twice`)
    this.world.outcomes.set(ticket, outcome)
  }
}
