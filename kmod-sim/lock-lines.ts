/**
 * Lines by which a mutex that goes to and fro between one process of each of two nodes is handed over without their
 * daemons (native/abi/lock_line.h): which mutexes have one, and when it may be used.
 *
 * A line decides nothing. When its holder is to give the mutex back, and the engine will then send the token to the other node,
 * the holder may do so by the line (`letPass`); while the engine awaits the token, and will lend the mutex to a thread
 * of that process, this may take it as it comes by the line (`await`). That is what foresight.ts says of the engine's
 * next step; when it says something else, the leave is withdrawn, unless it has been made use of. Then the engine has
 * the same event as always, a little later: `passed`, of a word that is free; and of a token that has come, that
 * the mutex has been taken already (`lend`). So whatever ends in between, the engines' token is where it would be.
 *
 * One process: a stranger at that mutex, of these two nodes or another, ends the line. It is made by the node with the
 * lower number, after so many hand-overs in a row, four times as many after each that a stranger has ended.
 */
import { assert } from '../ts/base/assert.js'
import type { NodeId } from '../ts/base/ids.js'
import { native, type LockLine, type LockWords } from '../ts/native/index.js'
import type { Effect } from '../ts/node/effects.js'
import type { Message } from '../ts/node/messages.js'
import { areEdgesIdle, type NodeState } from '../ts/node/state.js'
import { foreseen, isKey } from '../ts/sync/index.js'
import { segmentOfKey, type WordOf } from './lock-words.js'

const { WORD_ASYNC } = native.constants

/** Lines of this node at once. */
export const LINES_MAX = 64
/** Mutexes whose hand-overs are counted. */
const HABITS_MAX = 4096
/** So many times as many hand-overs, at most, as at first. */
const PATIENCE_MAX = 16
/** So often it is looked for what nobody has told: lines whose other end has gone, locks that have been passed on. */
const LOOK_MS = 1000
const ABOUT = 'lock '

type Lend = Extract<Effect, { do: 'Lend' }>

export interface LockLinesHost {
  readonly state: NodeState
  /** What lines are made with, as DirectBarriersHost has it. */
  invite(guest: NodeId, about: string): Promise<number>
  accept(host: NodeId, ticket: string): Promise<number>
  /** Neither a trace nor a segment of lrc forbids it. */
  allowed(): boolean
  wordOf(key: string, process: number): WordOf | undefined
  /** The lock's slot is its own while its token is awaited by a line; not any more. */
  keep(key: string, kept: boolean): void
  /** The lock's word has something to say. */
  says(key: string): void
  warn(text: string): void
}

/** Who has had a mutex, and where its token went. */
interface Habit {
  process: number
  to: NodeId
  times: number
  /** How many hand-overs make a line. */
  needed: number
}

interface Armed {
  readonly as: 'passes' | 'awaits'
  readonly turn: number
  readonly holder: number
  readonly word: WordOf
}

interface Line {
  readonly key: string
  readonly peer: NodeId
  readonly process: number
  readonly end: LockLine
  handed: boolean
  /** A mutex has gone or come by it. */
  used: boolean
  armed: Armed | undefined
}

/** By a line, before its token came. */
interface Taken {
  readonly process: number
  readonly turn: number
  readonly holder: number
  readonly word: WordOf
  /** Its process has ended with it. */
  died: boolean
}

export class LockLines {
  readonly #habits = new Map<string, Habit>()
  readonly #lines = new Map<string, Line>()
  /** Keys of those that are being made. */
  readonly #making = new Set<string>()
  readonly #taken = new Map<string, Taken>()
  readonly #timer = setInterval(() => this.#look(), LOOK_MS).unref()
  #names = 0
  #closed = false
  #came = 0
  /** Whoever is answered next about that key has had the answer already, or does not wait for it. */
  #unheard: string | undefined
  host!: LockLinesHost

  /** @param after how many hand-overs in a row make a line; 0: none is made */
  constructor(private readonly after: number) {}

  /** Lines that have been handed to their processes; those by which a mutex may go or come now; how often one has come,
   * since the daemon started. */
  get count(): { standing: number; ready: number; came: number } {
    const lines = [...this.#lines.values()]
    const standing = lines.filter(({ handed }) => handed).length
    return { standing, ready: lines.filter(({ armed }) => armed !== undefined).length, came: this.#came }
  }

  /** What comes next of this lock is not to be done ahead of the engine: its line does, or its process is to be handed one,
   * or has taken it already. */
  isBusy(key: string): boolean {
    const line = this.#lines.get(key)
    return line?.armed?.as === 'awaits' || line?.handed === false || this.#taken.has(key)
  }

  /** After a step: what may be done by lines about the locks that it has changed. */
  end(): void {
    if (this.#lines.size + this.#taken.size === 0) return
    const { changed, locks } = this.host.state.sync
    if (!this.#mayArm()) this.forbid()
    for (const key of changed) {
      const line = this.#lines.get(key)
      if (line !== undefined) this.#renew(line)
      const taken = this.#taken.get(key)
      const lock = locks.get(key)
      if (taken !== undefined && (lock?.state !== 'Asked' || lock.turn !== taken.turn)) this.#forget(key)
    }
  }

  /** Nothing may be done by lines until the next step. */
  forbid(): void {
    for (const line of this.#lines.values()) this.#disarm(line)
  }

  /** Whether the word, which is free, says that the lock has been passed on by a line; told once. */
  passed(key: string): boolean {
    const word = this.host.wordOf(key, 0)
    if (word?.words.passed(word.slot) !== true) return false
    const line = this.#lines.get(key)
    if (line !== undefined) Object.assign(line, { armed: undefined, used: true })
    return true
  }

  /** A token arrives whose lock has been taken already by a process that has ended with it since: whoever has it next is
   * told. */
  arrived(message: Message): Message {
    if (message.type !== 'TokenPass' && message.type !== 'TokenGrant') return message
    const taken = this.#taken.get(message.key)
    if (taken?.died !== true || taken.turn !== message.turn) return message
    return { ...message, ownerDied: true }
  }

  /** Those locks the process held when it ended. */
  buried(process: number, held: readonly string[]): void {
    for (const key of held) {
      const line = this.#lines.get(key)
      if (line !== undefined) this.#disarm(line)
      const taken = this.#taken.get(key)
      if (taken?.process === process) taken.died = true
    }
  }

  /** The token has been sent. */
  sent(key: string, to: NodeId): void {
    if (this.after === 0) return
    const habit = this.#habits.get(key)
    if (habit === undefined) return
    habit.times = habit.to === to ? habit.times + 1 : 1
    habit.to = to
    const line = this.#lines.get(key)
    if (line !== undefined && line.peer !== to) this.#disturbed(line)
    if (habit.times >= habit.needed && to > this.host.state.self) this.#offer(key, habit)
  }

  /** The lock is lent. Gives whether the thread has taken it already. @param did by a reflex */
  lend({ key, process, holder }: Lend, did: boolean): boolean {
    if (this.after === 0) return false
    this.#unheard = did ? key : undefined
    this.#habit(key, process)
    const line = this.#lines.get(key)
    if (line !== undefined && line.process !== process) this.#disturbed(line)
    else if (line !== undefined) this.#disarm(line)
    const taken = this.#taken.get(key)
    if (taken === undefined || taken.process !== process || taken.holder !== holder) return false
    const word = this.host.wordOf(key, process)
    return word !== undefined && word.slot === taken.word.slot && word.generation === taken.word.generation
  }

  /** After that, if it had: its word is opened, unless it is to be shut. It may have been given back, too. */
  settle({ key }: Lend, shut: boolean): void {
    const taken = this.#taken.get(key)
    assert(taken !== undefined, 'lock-lines: nothing has been taken')
    this.#taken.delete(key)
    this.#unheard = key
    const { words, slot, generation, process } = taken.word
    if (shut || !words.openTo(slot, generation, process, taken.holder)) this.host.says(key)
  }

  /** What its process is handed with the lock; undefined: nothing. */
  hand(key: string, process: number): readonly number[] | undefined {
    const isHeard = this.#unheard !== key
    this.#unheard = undefined
    const line = this.#lines.get(key)
    if (!isHeard || line === undefined || line.handed || line.process !== process) return undefined
    line.handed = true
    return line.end.fds
  }

  /** Another node invites to a line. @returns false: it is not about a lock */
  invited(from: NodeId, about: string, ticket: string): boolean {
    if (!about.startsWith(ABOUT)) return false
    const key = about.slice(ABOUT.length)
    const habit = isKey(key) ? this.#habits.get(key) : undefined
    if (habit === undefined || (habit.to !== from && habit.to !== -1) || !this.#hasRoom(key)) {
      // It is not left to wait: this line ends at once.
      this.host.accept(from, ticket).then(
        (fd) => native.closeFd(fd),
        () => {},
      )
      return true
    }
    const old = this.#lines.get(key)
    if (old !== undefined) this.#part(old)
    void this.#make(key, from, habit, () => this.host.accept(from, ticket))
    return true
  }

  ended(process: number): void {
    this.#partAll((line) => line.process === process)
  }

  lost(node: NodeId): void {
    this.#partAll(({ peer }) => peer === node)
  }

  segmentGone(segment: number): void {
    this.#partAll(({ key }) => segmentOfKey(key) === segment)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#partAll(() => true)
  }

  #hasRoom(key: string): boolean {
    return !this.#closed && !this.#making.has(key) && this.#lines.size + this.#making.size < LINES_MAX
  }

  #offer(key: string, habit: Habit): void {
    const old = this.#lines.get(key)
    if (old !== undefined) this.#partIfDown(old)
    if (this.#lines.has(key) || habit.times < habit.needed || !this.#hasRoom(key) || !this.#mayArm()) return
    void this.#make(key, habit.to, habit, () => this.host.invite(habit.to, ABOUT + key))
  }

  async #make(key: string, peer: NodeId, habit: Habit, connect: () => Promise<number>): Promise<void> {
    const { process } = habit
    this.#making.add(key)
    let fd = -1
    try {
      fd = await connect()
      if (this.#closed || this.#habits.get(key)?.process !== process) return
      const end = new native.LockLine(`gshm-line:${++this.#names}`, fd)
      fd = -1
      this.#lines.set(key, { key, peer, process, end, handed: false, used: false, armed: undefined })
    } catch (error) {
      this.#takesLonger(key)
      this.host.warn(`a mutex cannot be handed over directly to node ${peer}: ${(error as Error).message}`)
    } finally {
      this.#making.delete(key)
      if (fd >= 0) native.closeFd(fd)
    }
  }

  #habit(key: string, process: number): void {
    const habit = this.#habits.get(key)
    if (habit !== undefined) {
      if (habit.process !== process) Object.assign(habit, { process, times: 0 })
      return
    }
    if (this.#habits.size >= HABITS_MAX) {
      const [oldest] = this.#habits.keys()
      this.#habits.delete(oldest!)
    }
    this.#habits.set(key, { process, to: -1, times: 0, needed: this.after })
  }

  #takesLonger(key: string): void {
    const habit = this.#habits.get(key)
    if (habit === undefined) return
    habit.times = 0
    habit.needed = Math.min(habit.needed * 4, this.after * PATIENCE_MAX)
  }

  #mayArm(): boolean {
    return !this.#closed && this.host.allowed() && areEdgesIdle(this.host.state)
  }

  #renew(line: Line): void {
    const wanted = line.handed && this.#mayArm() ? this.#wanted(line) : undefined
    const { armed } = line
    if (wanted && armed && wanted.as === armed.as && wanted.turn === armed.turn && wanted.holder === armed.holder)
      return
    this.#disarm(line)
    if (wanted !== undefined) this.#arm(line, wanted)
  }

  #wanted({ key, peer, process }: Line): Omit<Armed, 'word'> | undefined {
    const { sync } = this.host.state
    const what = foreseen(sync, key)
    if (what === undefined) return undefined
    if (what.do === 'pass') {
      return what.to === peer ? { as: 'passes', turn: what.message.turn, holder: 0 } : undefined
    }
    const { on, claim, shut } = what
    // Where others wait here, too, they would have to be told apart.
    const isFit = on !== 'freed' && !shut && claim.process === process && claim.patient && claim.holder < WORD_ASYNC
    return isFit ? { as: 'awaits', turn: on.turn, holder: claim.holder } : undefined
  }

  #arm(line: Line, wanted: Omit<Armed, 'word'>): void {
    const { key, process, end } = line
    const word = this.host.wordOf(key, process)
    if (word === undefined) return
    const { as, turn, holder } = wanted
    if (as === 'passes') {
      end.passes(turn)
      if (!word.words.letPass(word.slot, word.generation, word.process)) return
    } else {
      end.awaits(turn, holder)
      if (!word.words.await(word.slot, word.generation, turn)) return
      this.host.keep(key, true)
    }
    line.armed = { as, turn, holder, word }
  }

  #disarm(line: Line): void {
    const { key, process, armed } = line
    if (armed === undefined) return
    line.armed = undefined
    const { as, turn, holder, word } = armed
    if (isClosed(word.words)) return
    if (as === 'passes') return word.words.letNotPass(word.slot)
    if (word.words.awaitNot(word.slot, word.generation, turn)) return this.host.keep(key, false)
    this.#came++
    line.used = true
    this.#taken.set(key, { process, turn, holder, word, died: false })
  }

  /** What was taken is nobody's concern any more: the lock's manager is lost. */
  #forget(key: string): void {
    this.#taken.delete(key)
    if (!this.host.state.sync.locks.has(key)) this.host.keep(key, false)
  }

  #part(line: Line): void {
    this.#disarm(line)
    this.#lines.delete(line.key)
    line.end.close()
  }

  #disturbed(line: Line): void {
    this.#part(line)
    this.#takesLonger(line.key)
  }

  #partAll(which: (line: Line) => boolean): void {
    for (const line of [...this.#lines.values()]) if (which(line)) this.#part(line)
  }

  #look(): void {
    for (const line of [...this.#lines.values()]) this.#partIfDown(line)
    // Who has passed one on may have been stopped before it could ring.
    for (const { key, armed } of this.#lines.values()) {
      if (armed?.as === 'passes' && armed.word.words.look(armed.word.slot) === 0) this.host.says(key)
    }
  }

  /** The process at its other end has gone, or there was none that could use it. */
  #partIfDown(line: Line): void {
    if (line.end.up) return
    if (line.used) this.#part(line)
    else this.#disturbed(line)
  }
}

/** Their segment is gone. */
function isClosed(words: LockWords): boolean {
  return words.fd < 0
}
