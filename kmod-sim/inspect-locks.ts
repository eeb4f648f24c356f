/**
 * What a node tells of its locks (`gshm locks`): as JSON in ASCII, for it travels between nodes in pieces. Whoever
 * asked puts the nodes' parts together (ts/cli/lock-report.ts).
 */
import { native } from '../ts/native/index.js'
import type { NodeState } from '../ts/node/state.js'
import type { LockWords } from './lock-words.js'
import type { SyncWatch } from './sync-watch.js'

const { WORD_ASYNC, HOLD_BUCKETS } = native.constants

/** What a node asks the others. */
export const LOCKS_QUESTION = 'locks'
/** Locks that a node tells of: those that somebody waits for first, then the most used. */
const LOCKS_TOLD_MAX = 2000
/** Waiters that it tells of, of all locks. */
const WAITERS_TOLD_MAX = 10_000

export interface LocksSources {
  readonly sync: NodeState['sync']
  readonly words: LockWords
  readonly watch: SyncWatch
  readonly pidOf: (process: number) => number
}

interface Party {
  readonly pid: number
  /** A thread's id; of one that is asynchronous its number in the process. */
  readonly thread: number
  readonly async: boolean
}

interface Waiter extends Party {
  readonly ticket: number
  readonly waitedUs: number
}

interface LockPart {
  readonly key: string
  /** The token is here, or on its way. */
  readonly here: boolean
  readonly holder: Party | null
  readonly granted: number
  readonly byWord: number
  readonly passed: number
  readonly waits: readonly number[]
  readonly holds: readonly number[]
  waiters: readonly Waiter[]
}

export function locksText(sources: LocksSources): string {
  const waiters = waitersOf(sources)
  const keys = [...new Set([...sources.sync.locks.keys(), ...sources.watch.keys])]
  const locks = chosen(sources, keys, waiters).map((key) => part(sources, key, waiters.get(key) ?? []))
  let room = WAITERS_TOLD_MAX
  for (const lock of locks) {
    lock.waiters = lock.waiters.slice(0, room)
    room -= lock.waiters.length
  }
  const untoldWaiters = sources.sync.claims.size - (WAITERS_TOLD_MAX - room)
  return ascii(JSON.stringify({ locks, untoldLocks: keys.length - locks.length, untoldWaiters }))
}

function chosen({ sync, watch, words }: LocksSources, keys: string[], waiters: Map<string, Waiter[]>): string[] {
  if (keys.length <= LOCKS_TOLD_MAX) return keys
  const ranked = keys.map((key) => ({
    key,
    wanted: Number(waiters.has(key) || sync.locks.get(key)?.state === 'Wanted'),
    used: (watch.tally(key)?.granted ?? 0) + (words.counts(key)?.acquired ?? 0),
  }))
  ranked.sort((a, b) => b.wanted - a.wanted || b.used - a.used)
  return ranked.slice(0, LOCKS_TOLD_MAX).map(({ key }) => key)
}

function waitersOf({ sync, watch, pidOf }: LocksSources): Map<string, Waiter[]> {
  const all = new Map<string, Waiter[]>()
  for (const { key, ticket, process, holder } of sync.claims.values()) {
    const waiter = { ...party(pidOf(process), holder), ticket, waitedUs: watch.waitedUs(ticket) }
    const those = all.get(key)
    if (those === undefined) all.set(key, [waiter])
    else those.push(waiter)
  }
  return all
}

function part({ sync, words, watch, pidOf }: LocksSources, key: string, waiters: Waiter[]): LockPart {
  const state = sync.locks.get(key)?.state ?? 'None'
  const owner = state === 'Held' || state === 'Wanted' ? words.owner(key) : undefined
  const tally = watch.tally(key)
  const counts = words.counts(key)
  return {
    key,
    here: state !== 'None' && state !== 'Asked',
    holder: owner === undefined ? null : party(pidOf(owner.process), owner.holder),
    granted: tally?.granted ?? 0,
    byWord: counts?.acquired ?? 0,
    passed: tally?.passed ?? 0,
    waits: [...(tally?.waits ?? new Uint32Array(HOLD_BUCKETS))],
    holds: [...(counts?.holds ?? new Uint32Array(HOLD_BUCKETS))],
    waiters,
  }
}

function party(pid: number, holder: number): Party {
  const async = holder >= WORD_ASYNC
  return { pid, thread: async ? holder - WORD_ASYNC : holder, async }
}

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
