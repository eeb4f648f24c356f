/**
 * The cluster's locks, put together from what each node tells of them. Another machine's node may tell
 * anything: what is not as it should be is an error that names the node.
 */
import { GshmError } from '../base/errors.js'
import type { NodeLocks } from '../client/inspect.js'

/** A thread, or one asynchronous holder of a process. */
export interface Party {
  readonly node: number
  readonly pid: number
  readonly thread: number
  readonly async: boolean
}
export interface Waiter extends Party {
  /** The node's number for this wait. */
  readonly ticket: number
  readonly waitedUs: number
}
/** Upper bounds of what p per cent took, in microseconds; null: nothing was measured. */
export interface Percentiles {
  readonly p50: number | null
  readonly p99: number | null
}
export interface LockReport {
  readonly kind: 'name' | 'number' | 'address'
  readonly key: string
  /** That has the token; null: none has it now. */
  readonly node: number | null
  readonly holder: Party | null
  readonly acquisitions: number
  readonly localReacquisitions: number
  readonly handOvers: number
  readonly waiters: readonly Waiter[]
  readonly waitUs: Percentiles
  readonly holdUs: Percentiles
}
export interface LocksReport {
  readonly locks: readonly LockReport[]
  /** Nodes that did not tell. */
  readonly silent: readonly number[]
  /** What nodes had no room to tell of. */
  readonly untoldLocks: number
  readonly untoldWaiters: number
}

interface Part {
  readonly key: string
  readonly here: boolean
  readonly holder: Omit<Party, 'node'> | null
  readonly granted: number
  readonly byWord: number
  readonly passed: number
  readonly waits: readonly number[]
  readonly holds: readonly number[]
  readonly waiters: readonly Omit<Waiter, 'node'>[]
}
interface Told {
  readonly locks: readonly Part[]
  readonly untoldLocks: number
  readonly untoldWaiters: number
}

/** @throws GshmError BAD_FRAME: a node has told what makes no sense */
export function report(nodes: readonly NodeLocks[]): LocksReport {
  const told = nodes.flatMap(({ node, text }) => (text === undefined ? [] : [{ node, ...checked(node, text) }]))
  const parts = new Map<string, (Part & { node: number })[]>()
  for (const { node, locks } of told) {
    for (const part of locks) {
      const those = parts.get(part.key) ?? []
      parts.set(part.key, [...those, { ...part, node }])
    }
  }
  return {
    locks: [...parts.values()].map(merged),
    silent: nodes.filter(({ text }) => text === undefined).map(({ node }) => node),
    untoldLocks: sum(told, ({ untoldLocks }) => untoldLocks),
    untoldWaiters: sum(told, ({ untoldWaiters }) => untoldWaiters),
  }
}

function merged(parts: readonly (Part & { node: number })[]): LockReport {
  const has = parts.find(({ holder }) => holder !== null) ?? parts.find(({ here }) => here)
  const byWord = sum(parts, (part) => part.byWord)
  return {
    ...named(parts[0]!.key),
    node: has?.node ?? null,
    holder: has?.holder ? { node: has.node, ...has.holder } : null,
    acquisitions: byWord + sum(parts, (part) => part.granted),
    localReacquisitions: byWord,
    handOvers: sum(parts, (part) => part.passed),
    waiters: parts.flatMap(({ node, waiters }) => waiters.map((waiter) => ({ node, ...waiter }))),
    waitUs: percentiles(parts.map(({ waits }) => waits)),
    holdUs: percentiles(parts.map(({ holds }) => holds)),
  }
}

/** Keys as nodes write them: '=name', '#number', '@segment:offset'. */
function named(key: string): Pick<LockReport, 'kind' | 'key'> {
  const kind = key.startsWith('#') ? 'number' : key.startsWith('@') ? 'address' : 'name'
  return { kind, key: key.slice(1) }
}

function percentiles(histograms: readonly (readonly number[])[]): Percentiles {
  const counts = histograms[0]!.map((_, bucket) => sum(histograms, (histogram) => histogram[bucket] ?? 0))
  const all = sum(counts, (count) => count)
  const at = (share: number): number | null => {
    if (all === 0) return null
    let seen = 0
    const bucket = counts.findIndex((count) => (seen += count) >= all * share)
    return 2 ** (bucket + 5) / 1000 // native/abi/lock_words.h: bucket 0 ends at 32 ns
  }
  return { p50: at(0.5), p99: at(0.99) }
}

function sum<T>(of: readonly T[], what: (one: T) => number): number {
  return of.reduce((all, one) => all + what(one), 0)
}

function checked(node: number, text: string): Told {
  try {
    const told = JSON.parse(text) as Told
    if (isTold(told)) return told
  } catch {
    // no JSON at all: said below
  }
  throw new GshmError('BAD_FRAME', `node ${node} tells of its locks what makes no sense`)
}

function isTold(told: Told): boolean {
  return isObject(told) && isCount(told.untoldLocks) && isCount(told.untoldWaiters) && isListOf(told.locks, isPart)
}

function isPart(part: Part): boolean {
  const { key, here, holder, granted, byWord, passed, waits, holds, waiters } = part
  const counts = [granted, byWord, passed].every(isCount) && isListOf(waits, isCount) && isListOf(holds, isCount)
  if (typeof key !== 'string' || typeof here !== 'boolean' || !counts) return false
  return (holder === null || isParty(holder)) && isListOf(waiters, isWaiter)
}

function isWaiter(waiter: Omit<Waiter, 'node'>): boolean {
  return isParty(waiter) && isCount(waiter.ticket) && isCount(waiter.waitedUs)
}

function isParty(party: Omit<Party, 'node'>): boolean {
  return isObject(party) && isCount(party.pid) && isCount(party.thread) && typeof party.async === 'boolean'
}

function isListOf<T>(list: readonly T[], is: (one: T) => boolean): boolean {
  return Array.isArray(list) && list.every((one) => (isObject(one) || typeof one === 'number' ? is(one as T) : false))
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
