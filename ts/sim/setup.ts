/** What a World is to be: its size, what may go wrong in it, what its threads do. */
import type { ProtocolName } from '../base/consistency.js'
import type { Access, Page } from '../base/ids.js'
import type { Step } from '../node/step.js'

export interface Setup {
  /** Of the segment; `step` must have its tables. */
  readonly protocol: ProtocolName
  readonly nodes: number
  readonly pages: number
  /** A node. */
  readonly threads: number
  /** A thread. */
  readonly ops: number
  /** Bytes of a page that are written, and locks: where what may be read depends on what is locked. */
  readonly places: number
  readonly locks: number
  /** Into how many blocks of the heap the segment divides, which threads allocate and free; 0: they do not. */
  readonly blocks: number
  /** Threads acquire and release pages by themselves, as ranges. */
  readonly ranges: boolean
  /** How many faults may come twice, how many nodes may be lost. */
  readonly duplicates: number
  readonly losses: number
  /** Locks are tried too, by who would not wait. */
  readonly tries: boolean
  /** How often a wait for a lock may be cancelled. */
  readonly cancels: number
  /** How many threads that hold a lock may end, or processes that hold one or wait for it. */
  readonly deaths: number
  /** How often a page may be evicted, or a node's memory be used up or free again. */
  readonly evictions: number
  /** Requests and orders may be held for a while (law 11): what they do not concern overtakes them. */
  readonly holds: boolean
  readonly step: Step
  /** What the threads do; without, whatever they like. */
  readonly program?: Program
}

/** Has it an oracle: does what may be read depend on more than the order of accesses? */
export function judged({ locks, blocks, ranges }: Pick<Setup, 'locks' | 'blocks' | 'ranges'>): boolean {
  return locks > 0 || blocks > 0 || ranges
}

/** Of all threads. */
export function operationsOf({ nodes, threads, ops }: Pick<Setup, 'nodes' | 'threads' | 'ops'>): number {
  return nodes * threads * ops
}

export interface Op {
  readonly page: Page
  readonly place: number
  readonly access: Access
}

/** A fixed program for each thread, in place of accesses at will. */
export interface Program {
  /** What the thread does when it has made `done` accesses; undefined: nothing more. */
  op(thread: number, done: number): Op | undefined
  /** It has the access now and sees `seen`: what its registers hold then, and what it writes, if it does. */
  perform(
    thread: number,
    done: number,
    registers: readonly number[],
    seen: number,
  ): { readonly registers: readonly number[]; readonly written: number | undefined }
}
