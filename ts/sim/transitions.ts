/**
 * What can happen in a row (parts.ts), and the row afterwards. Most of what happens concerns one node: it
 * takes in a message, performs an effect, and sends. What comes of it is then the same wherever that node
 * and that message are met, and it is remembered: World.take runs once for each node, not for each state.
 *
 * Sends and Resumes are performed at once: they commute with everything else that can happen, and a
 * node that is lost just before a Send is as one whose message was still on its way when the
 * receiver learnt of the loss (Godefroid's persistent sets, the simplest case).
 */
import { deliverable, ownChoices, type Wishes } from './choices.js'
import { Deeds, NEVER, Notes } from './deeds.js'
import type { Parts, Row } from './parts.js'
import { ByNumber } from './remembered.js'
import { lowerNumbers } from './numbers.js'
import type { Ask } from './requests.js'
import type { Thread } from './pretend-kernel.js'
import type { Renamings } from './renamings.js'
import type { Choice } from './choice.js'
import { judged, type Op, type Setup } from './setup.js'
import { takesNoStep, type World } from './world.js'

/** Something that can happen in a row. */
export interface Option {
  readonly choice: Choice
  /** Of a delivery: the link's number afterwards. */
  readonly rest: number
  /** Undefined where it depends on more than one node, or changes more. */
  readonly outcomes: Map<number, Outcome> | undefined
}

/** What comes of an option at the node where it happens. */
interface Outcome {
  readonly node: number
  readonly sends: readonly { readonly place: number; readonly flight: number }[]
  /** Locks whose last holder died untold, afterwards. */
  readonly untold: number
  /** What the oracle is told. */
  readonly deeds: readonly number[]
  /** Of a write, its number. */
  readonly last: number
}

interface Options {
  readonly must: readonly Option[]
  readonly may: readonly Option[]
}

export class Transitions {
  readonly #wishes: Wishes
  readonly #deeds: Deeds
  /** By node number, what its threads hold, as bits. */
  readonly #held = new ByNumber<number>()
  /** By node number, and eight of them by what else decides (options), or 32. */
  readonly #own = new ByNumber<Options>()
  readonly #contexts: number
  /** By link number and sender, and by node number. */
  readonly #deliveries = new ByNumber<Map<number, readonly Option[]>>()
  /** By link number, and by that of one message: the link with the message appended. */
  readonly #appended = new ByNumber<Map<number, number>>()
  readonly #after: Row

  constructor(
    private readonly parts: Parts,
    private readonly renamings: Renamings,
  ) {
    this.#wishes = allWishes(parts.setup)
    this.#contexts = parts.setup.cancels + parts.setup.deaths > 0 ? 32 : 8
    this.#after = new Int32Array(parts.places.width)
    this.#deeds = new Deeds(
      (number) => parts.oracle(number),
      (oracle) => parts.oracleNumber(oracle),
    )
  }

  /** How many must happen sooner or later: they are the first of the options. */
  options(row: Row, into: Option[]): number {
    const { parts } = this
    const { places, setup } = parts
    const alive = this.#alive(row)
    const mayLose = row[places.losses]! > 0 && (alive & (alive - 1)) !== 0
    const left = [
      row[places.duplicates]!,
      Number(mayLose),
      row[places.evictions]!,
      row[places.cancels]!,
      row[places.deaths]!,
    ]
    const context = left.reduce((bits, one, at) => bits | (Number(one > 0) << at), 0)
    into.length = 0
    for (let at = 0; at < setup.nodes; at++) {
      const number = row[places.nodes + at]!
      const node = parts.node(number)
      if (!node.alive) continue
      for (const option of this.#ownOptions(row, at, number * this.#contexts + context).must) into.push(option)
      if (node.todo.length > 0) continue
      for (let from = 0; from < setup.nodes; from++) {
        const link = row[places.links + from * setup.nodes + at]!
        if (link === 0) continue
        for (const option of this.#deliveryOptions(number, from, at, link)) into.push(option)
      }
    }
    const must = into.length
    for (let at = 0; at < setup.nodes; at++) {
      const number = row[places.nodes + at]!
      if (!parts.node(number).alive) continue
      for (const option of this.#ownOptions(row, at, number * this.#contexts + context).may) into.push(option)
    }
    return must
  }

  /** The row afterwards; valid until the next call. @throws Violation */
  after(row: Row, option: Option): Row {
    const { parts } = this
    const { places, setup } = parts
    const { choice, rest, outcomes } = option
    if (outcomes === undefined || parts.plain) return this.#taken(row, choice)
    const at = choice.node
    const context = this.#context(row, choice)
    let outcome = outcomes.get(context)
    if (outcome === undefined) {
      outcome = this.#outcome(row, choice)
      outcomes.set(context, outcome)
    }
    const after = this.#after
    after.set(row)
    if (outcome.deeds.length > 0) {
      const oracle = this.#deeds.after(row[places.oracle]!, outcome.deeds)
      if (oracle === NEVER) return this.#taken(row, choice)
      after[places.oracle] = oracle
    }
    after[places.nodes + at] = outcome.node
    after[places.untold] = outcome.untold
    if (choice.do === 'deliver') after[places.links + choice.from * setup.nodes + at] = rest
    else if (choice.do === 'learn') after[places.links + choice.lost * setup.nodes + at] = 0
    else if (choice.do === 'again') after[places.duplicates]!--
    else if (choice.do === 'evict' || choice.do === 'full') after[places.evictions]!--
    else if (choice.do === 'ask' && choice.op === 'cancel') after[places.cancels]!--
    else if (choice.do === 'ask' && (choice.op === 'end' || choice.op === 'exit')) after[places.deaths]!--
    else if (choice.do === 'act') after[places.latest + choice.page] = outcome.last
    for (const { place, flight } of outcome.sends) after[place] = this.#append(after[place]!, flight)
    if (!parts.plain) this.renamings.after(choice, after)
    return after
  }

  /** All that World.take looks at beside the node and the message. */
  #context(row: Row, choice: Choice): number {
    const { places, setup } = this.parts
    const last = choice.do === 'act' ? row[places.latest + choice.page]! : 0
    // Who gets a lock, or a block, is given it by the node, or takes it by its word.
    const gets = choice.do === 'perform' || (choice.do === 'ask' && choice.op !== 'unlock')
    const held = gets && judged(setup) ? this.#heldElsewhere(row, choice.node) : 0
    const lost = Number(row[places.losses]! < setup.losses)
    const around = (this.#alive(row) * 2 + lost) * CONTEXT_MAX + row[places.untold]!
    return (around * CONTEXT_MAX + held) * CONTEXT_MAX + last
  }

  #ownOptions(row: Row, at: number, key: number): Options {
    return this.#own.get(key) ?? this.#own.put(key, this.#makeOptions(row, at))
  }

  #makeOptions(row: Row, at: number): Options {
    const world = this.parts.world(row)
    const { must, may } = ownChoices(world, at, this.#wishes)
    const option = (choice: Choice): Option => {
      return { choice, rest: 0, outcomes: concernsOneNode(world, choice) ? new Map() : undefined }
    }
    return { must: must.map(option), may: may.map(option) }
  }

  #deliveryOptions(node: number, from: number, at: number, link: number): readonly Option[] {
    const key = link * this.parts.setup.nodes + from
    const byNode = this.#deliveries.get(key) ?? this.#deliveries.put(key, new Map())
    const known = byNode.get(node)
    if (known !== undefined) return known
    const made = this.#makeDeliveries(from, at, link)
    byNode.set(node, made)
    return made
  }

  #makeDeliveries(from: number, at: number, link: number): Option[] {
    const { parts } = this
    const flights = parts.link(link)
    return deliverable(flights, parts.setup.holds).map((place) => ({
      choice: { do: 'deliver', from, node: at, at: place },
      rest: parts.linkNumber(flights.filter((_, other) => other !== place)),
      outcomes: new Map(),
    }))
  }

  #outcome(row: Row, choice: Choice): Outcome {
    const { parts } = this
    const { places, setup } = parts
    const at = choice.node
    const notes = new Notes()
    const world = parts.world(row, judged(setup) ? notes : undefined)
    take(world, choice)
    const sends: { place: number; flight: number }[] = []
    for (let to = 0; to < setup.nodes; to++) {
      const place = places.links + at * setup.nodes + to
      const before = parts.link(row[place]!).length
      for (const flight of world.link(at, to).slice(before)) sends.push({ place, flight: parts.linkNumber([flight]) })
    }
    const last = choice.do === 'act' ? world.latest[choice.page]! : 0
    const deeds = notes.deeds.map((deed) => this.#deeds.number(deed))
    return { node: parts.nodeNumber(world.nodes[at]!, at), untold: world.untold, sends, deeds, last }
  }

  /** By World alone, whatever it concerns. */
  #taken(row: Row, choice: Choice): Row {
    const { parts } = this
    const world = parts.world(row)
    take(world, choice)
    const after = parts.row(world, row)
    if (!parts.plain) this.renamings.after(choice, after)
    return after
  }

  #append(link: number, flight: number): number {
    if (link === 0) return flight
    const { parts } = this
    const byFlight = this.#appended.get(link) ?? this.#appended.put(link, new Map())
    const known = byFlight.get(flight)
    if (known !== undefined) return known
    const made = parts.linkNumber([...parts.link(link), ...parts.link(flight)])
    byFlight.set(flight, made)
    return made
  }

  /** What other nodes' threads hold, as bits. */
  #heldElsewhere(row: Row, at: number): number {
    const { parts } = this
    const { places, setup } = parts
    let held = 0
    for (let other = 0; other < setup.nodes; other++) {
      if (other === at) continue
      const number = row[places.nodes + other]!
      held |= this.#held.get(number) ?? this.#held.put(number, bitsOf(parts.node(number).kernel.threads))
    }
    return held
  }

  /** As bits. */
  #alive(row: Row): number {
    const { places, setup } = this.parts
    if (setup.losses === 0) return (1 << setup.nodes) - 1
    let alive = 0
    for (let at = 0; at < setup.nodes; at++) if (this.parts.node(row[places.nodes + at]!).alive) alive |= 1 << at
    return alive
  }
}

const CONTEXT_MAX = 2 ** 8

/** Makes it happen, and performs what is performed at once. @throws Violation */
export function take(world: World, choice: Choice): void {
  world.take(choice)
  const next = () => world.nodes[choice.node]!.todo[0]?.do
  for (let effect = next(); effect === 'Send' || effect === 'Resume'; effect = next()) {
    world.take({ do: 'perform', node: choice.node })
  }
  if (judged(world.setup) && !takesNoStep(choice)) lowerNumbers(world.nodes[choice.node]!, world.setup)
}

/** Does World.take look at nothing but the node, the message and the context, and change nothing else? */
function concernsOneNode({ setup }: World, choice: Choice): boolean {
  return choice.do !== 'lose' && (choice.do !== 'act' || setup.program === undefined)
}

function allWishes({ pages, places, tries }: Pick<Setup, 'pages' | 'places' | 'tries'>): Wishes {
  const ops: Op[] = []
  for (let page = 0; page < pages; page++) {
    for (let place = 0; place < places; place++) {
      ops.push({ page, place, access: 'read' }, { page, place, access: 'write' })
    }
  }
  const ranges = Array.from({ length: pages }, (_, of) => of).flatMap((of): Ask[] => [
    { op: 'acquire', of },
    { op: 'release', of },
  ])
  const locks = (free: readonly number[]) =>
    free.flatMap((of): Ask[] => [{ op: 'lock', of }, ...(tries ? [{ op: 'try', of } as const] : [])])
  return { accesses: () => ops, locks, allocates: () => true, ranges: () => ranges }
}

function bitsOf(threads: readonly Thread[]): number {
  return threads.flatMap(({ holds }) => holds).reduce((bits, one) => bits | (1 << one), 0)
}
