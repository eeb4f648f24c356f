/**
 * Barriers at which processes meet by themselves (native/abi/direct.h), as the daemon of one of them sees it: the
 * engine says who is to be introduced to whom, and when they are to part; here are the lines and the pages between.
 *
 * A meeting is *made* (lines to the other nodes, which takes a while), then *ready*, then *handed* to its process with
 * the answer to a barrier request, and in the end *parted*: closed, and its process in no episode of it any more. A
 * process that is in one when it is closed says when it is not: by op parted, or, if its episode did not get over, with
 * the request by which it arrives anew.
 */
import type { NodeId } from '../ts/base/ids.js'
import { native, type DirectBarrier } from '../ts/native/index.js'
import type { LineEffect, LineEvent } from '../ts/sync/index.js'

type IntroduceEffect = Extract<LineEffect, { do: 'Introduce' }>
type PartEffect = Extract<LineEffect, { do: 'Part' }>

/** Meetings of this node at once, and invitations that came before the engine's word. */
export const MEETINGS_MAX = 64
/** For a process that was in an episode to say that it is not any more: one that is stopped cannot. Then it counts as
 * if it were not. */
const PARTING_MS = 1000

export interface DirectBarriersHost {
  self(): NodeId
  /** What lines are made with (ts/cluster/lines.ts). Both give a descriptor, the caller's; both reject with a
   * GshmError. */
  invite(guest: NodeId, about: string): Promise<number>
  accept(host: NodeId, ticket: string): Promise<number>
  submit(event: LineEvent): void
  warn(text: string): void
}

interface Meeting extends IntroduceEffect {
  readonly name: string
  /** This daemon's, for its process. */
  readonly local: number
  /** late: parted, as the engine has heard, but its process has yet to say that it is in no episode. */
  state: 'making' | 'ready' | 'handed' | 'parting' | 'late'
  barrier: DirectBarrier | undefined
  /** Its process is in no episode, and will be in none. */
  left: boolean
  timer: NodeJS.Timeout | undefined
}

interface Named {
  readonly key: string
  readonly count: number
  readonly number: number
}

export class DirectBarriers {
  readonly #meetings = new Map<string, Meeting>()
  /** That came before the engine's word, the oldest first. */
  readonly #early = new Map<string, { readonly from: NodeId; readonly ticket: string }>()
  /** lrc segments that processes here hold: what is written in them is made known by the daemon alone. */
  readonly #lazy = new Set<number>()
  #traced = false
  #last = 0

  constructor(private readonly host: DirectBarriersHost) {}

  /** Whether processes of this node may meet others by themselves. */
  get allowed(): boolean {
    return this.unhindered && this.#meetings.size < MEETINGS_MAX
  }

  /** Neither a trace nor a segment of lrc forbids it. */
  get unhindered(): boolean {
    return !this.#traced && this.#lazy.size === 0
  }

  /** Barriers whose processes have been handed their lines; in how many of them the process is waiting, as it says. */
  get count(): { standing: number; waiting: number } {
    const standing = [...this.#meetings.values()].filter(({ state }) => state === 'handed')
    return { standing: standing.length, waiting: standing.filter(({ barrier }) => barrier?.inside).length }
  }

  introduce(effect: IntroduceEffect): void {
    const name = nameOf(effect)
    if (!this.allowed) return this.#unfit(effect)
    const rest = { local: ++this.#last, state: 'making', barrier: undefined, left: false, timer: undefined } as const
    const meeting: Meeting = { ...effect, name, ...rest }
    this.#meetings.set(name, meeting)
    if (effect.root === this.host.self()) {
      void this.#make(meeting, () => gathered(effect.peers.map((peer) => this.host.invite(peer, name))))
      return
    }
    const early = this.#early.get(name)
    this.#early.delete(name)
    if (early !== undefined) this.#invited(meeting, early.from, early.ticket)
  }

  invited(from: NodeId, about: string, ticket: string): void {
    const meeting = this.#meetings.get(about)
    if (meeting !== undefined) return this.#invited(meeting, from, ticket)
    if (this.#early.size >= MEETINGS_MAX) {
      const [oldest] = this.#early.keys()
      this.#early.delete(oldest!)
    }
    this.#early.set(about, { from, ticket })
  }

  #invited(meeting: Meeting, from: NodeId, ticket: string): void {
    if (meeting.root !== from || meeting.state !== 'making') return
    void this.#make(meeting, () => gathered([this.host.accept(from, ticket)]))
  }

  async #make(meeting: Meeting, lines: () => Promise<number[]>): Promise<void> {
    let fds: number[] = []
    try {
      fds = await lines()
      if (this.#meetings.get(meeting.name) !== meeting || meeting.barrier !== undefined) return closeAll(fds)
      meeting.barrier = new native.DirectBarrier(`gshm-direct:${meeting.local}`, fds, meeting.root === this.host.self())
    } catch (error) {
      closeAll(fds)
      if (this.#meetings.get(meeting.name) !== meeting || meeting.barrier !== undefined) return
      this.host.warn(
        `processes of ${meeting.peers.length + 1} nodes cannot meet by themselves: ${(error as Error).message}`,
      )
      return this.#unfit(meeting)
    }
    meeting.state = 'ready'
    this.host.submit({ is: 'line', what: 'ready', ...named(meeting) })
  }

  /** What its process is handed; undefined: it goes on asking. */
  hand(named: Named): { local: number; lines: number; root: boolean; fds: readonly number[] } | undefined {
    const meeting = this.#meetings.get(nameOf(named))
    if (meeting?.barrier === undefined || meeting.state !== 'ready') return undefined
    meeting.state = 'handed'
    const { fds } = meeting.barrier
    return { local: meeting.local, lines: fds.length - 1, root: meeting.root === this.host.self(), fds }
  }

  /** The engine's word: no episode of it gets over any more. Once its process is in none, the engine hears that, if it
   * stood. */
  part(effect: PartEffect): void {
    const meeting = this.#meetings.get(nameOf(effect))
    if (meeting === undefined) return
    const { state, barrier } = meeting
    const isInside = barrier?.part() === true && !meeting.left
    if (state === 'making' || state === 'ready') return this.#forget(meeting)
    if (!isInside) return this.#parted(meeting)
    meeting.state = 'parting'
    meeting.timer = setTimeout(() => this.#stopped(meeting), PARTING_MS)
  }

  /** A process says that it is in no episode of its barrier any more. */
  left(process: number, local: number): void {
    for (const meeting of this.#meetings.values()) {
      if (meeting.local !== local || meeting.process !== process) continue
      meeting.left = true
      if (meeting.state === 'parting') return this.#parted(meeting)
      if (meeting.state === 'late') return this.#forget(meeting)
    }
  }

  /** The process has ended: the engine hears that next, and nothing else of its barriers. Gives whether a thread of it
   * was waiting at one. */
  ended(process: number): boolean {
    let waited = false
    for (const meeting of [...this.#meetings.values()]) {
      if (meeting.process !== process) continue
      if (meeting.barrier?.part() === true && !meeting.left) waited = true
      this.#forget(meeting)
    }
    return waited
  }

  /** Whoever waits for a root there shall not. */
  lost(node: NodeId): void {
    for (const meeting of [...this.#meetings.values()]) {
      if (meeting.root !== node) continue
      meeting.barrier?.sever()
      if (meeting.state === 'late') this.#forget(meeting)
    }
  }

  /** A process here holds an lrc segment from now on, or none does any more. Before it can write there, nobody here
   * meets by itself. */
  lazy(segment: number, held: boolean): void {
    if (!held) this.#lazy.delete(segment)
    else if (!this.#lazy.has(segment)) {
      this.#lazy.add(segment)
      this.#forbid()
    }
  }

  /** Everything is to be traced, or not any more. */
  tracing(on: boolean): void {
    this.#traced = on
    if (on) this.#forbid()
  }

  close(): void {
    for (const meeting of [...this.#meetings.values()]) {
      meeting.barrier?.part()
      this.#forget(meeting)
    }
  }

  #forbid(): void {
    for (const meeting of [...this.#meetings.values()]) {
      if (meeting.state === 'parting' || meeting.state === 'late') continue
      if (meeting.state === 'handed') meeting.barrier?.part()
      else this.#forget(meeting)
      this.#unfit(meeting)
    }
  }

  #unfit(of: Named): void {
    this.host.submit({ is: 'line', what: 'unfit', ...named(of) })
  }

  #parted(meeting: Meeting): void {
    this.#forget(meeting)
    this.host.submit({ is: 'line', what: 'parted', ...named(meeting) })
  }

  /** It has not said that it is in no episode. Its root may be what is stopped, and be lost yet: then it is to wake. */
  #stopped(meeting: Meeting): void {
    if (meeting.root === this.host.self()) return this.#parted(meeting)
    meeting.state = 'late'
    this.host.submit({ is: 'line', what: 'parted', ...named(meeting) })
  }

  #forget(meeting: Meeting): void {
    clearTimeout(meeting.timer)
    meeting.barrier?.close()
    this.#meetings.delete(meeting.name)
  }
}

function named({ key, count, number }: Named): Named {
  return { key, count, number }
}

function nameOf({ key, count, number }: Named): string {
  return `${number} ${count} ${key}`
}

/** All of them or none. */
async function gathered(promises: Promise<number>[]): Promise<number[]> {
  const outcomes = await Promise.allSettled(promises)
  const fds = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return fds
  closeAll(fds)
  throw failed.reason
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) native.closeFd(fd)
}
