/**
 * An attached process, as gshm.h has it: names, meanings and errors are the same. Calls that end in
 * Sync block the JavaScript thread; lock, unlock and barrier wait in a thread of their own. Whatever
 * asks the daemon may fail besides with DETACHED, DAEMON_LOST, DESCRIPTORS and SYSTEM.
 */
import { GshmError } from '../base/errors.js'
import { native, type NativeClient, type SegmentInfo } from '../native/index.js'
import { Barrier, type BarrierOptions } from './barrier.js'
import * as check from './check.js'
import { Condition } from './condition.js'
import { Counter } from './counter.js'
import { calling } from './failure.js'
import { Mutex, type Held } from './mutex.js'
import { RwLock } from './rwlock.js'
import { Segment } from './segment.js'
import { Semaphore } from './semaphore.js'
import type { WaitOptions } from './wait.js'
import { Word, type Woken } from './word.js'

export interface AttachOptions {
  /** The daemon's device. Default: $GSHM_SOCKET, else the only node of the default cluster on this machine. */
  readonly socket?: string
}
export interface CreateOptions {
  /** Open the segment of that name, size and options if there is one. */
  readonly openOrCreate?: boolean
  /** What the memory promises. Default: 'mrsw'. */
  readonly consistency?: 'srsw' | 'mrsw' | 'lrc'
  /**
   * Who serialises a page: one node, the homes page by page (the default), or the page's owner ('mrsw' only).
   */
  readonly manager?: 'central' | 'fixed' | 'dynamic'
  /** Bytes that the protocol keeps together: a power of two from 4096 (the default) to 65536. */
  readonly unit?: number
  /** The number of the node that is the home of all pages. Default: all nodes share them out; node 0 if central. */
  readonly home?: number
  /** Bytes to which resize() may grow it. Default: its size. Views show so much; it costs nothing until it is used. */
  readonly maxSize?: number
  /**
   * Who besides its owner (the user who makes it) and root may have it: bits of 0o777, as of shmget(2). Default 0o600.
   * Of one that exists it is not compared.
   */
  readonly mode?: number
}
export interface OpenOptions {
  /** Not supported yet (ERR_GSHM_UNSUPPORTED): readers will have frames of their own. */
  readonly readOnly?: boolean
}

const CREATE_OPTIONS = {
  openOrCreate: true,
  consistency: true,
  manager: true,
  unit: true,
  home: true,
  maxSize: true,
  mode: true,
} as const
const { OPEN_OR_CREATE, READ_ONLY } = native.constants

export class Gshm {
  readonly #client: NativeClient
  /** What lock() took, by key. */
  readonly #held = new Map<string, Held>()
  /** This node's number. */
  readonly node: number
  /** How many nodes the cluster had at attach. */
  readonly nodes: number

  /** Made by attach(). */
  constructor(client: NativeClient) {
    this.#client = client
    this.node = client.node()
    this.nodes = client.nodes()
  }

  /**
   * A new segment of `size` bytes (rounded up to pages) that reads as zeros.
   * Errors: EXISTS, SIZE_MISMATCH, OPTION_MISMATCH, NAME_TOO_LONG, NAME_INVALID, INVALID, UNSUPPORTED, MEMORY, LIMIT, NODE_LOST,
   * ACCESS (it exists, and its mode does not let this user read and write it).
   */
  create(name: string, size: number, options?: CreateOptions): Segment {
    const given = check.options('options', options, CREATE_OPTIONS)
    const { openOrCreate = false, consistency, manager, unit, home, maxSize, mode } = given
    const called = check.name('name', name)
    const bytes = check.count('size', size, 1)
    const model = {
      ...(consistency === undefined ? {} : { consistency: check.name('consistency', consistency) }),
      ...(manager === undefined ? {} : { manager: check.name('manager', manager) }),
      ...(unit === undefined ? {} : { unit: check.count('unit', unit, 1) }),
      ...(home === undefined ? {} : { home: check.count('home', home) }),
      ...(maxSize === undefined ? {} : { maxSize: check.count('maxSize', maxSize, 1) }),
      ...(mode === undefined ? {} : { mode: check.count('mode', mode, 1) }),
    }
    const id = calling(() => this.#client.create(called, bytes, openOrCreate ? OPEN_OR_CREATE : 0, model))
    return new Segment(this.#client, id, called)
  }

  /** Errors: NOT_FOUND, ACCESS (its mode), UNSUPPORTED (readOnly), NAME_TOO_LONG, NAME_INVALID, NODE_LOST. */
  open(name: string, options?: OpenOptions): Segment {
    const { readOnly = false } = check.options('options', options, { readOnly: true })
    const called = check.name('name', name)
    const id = calling(() => this.#client.open(called, readOnly ? READ_ONLY : 0))
    return new Segment(this.#client, id, called)
  }

  /** What is known of the segment of that name. Errors: NOT_FOUND, ACCESS (its mode), NAME_TOO_LONG, NAME_INVALID, NODE_LOST. */
  stat(name: string): SegmentInfo {
    const called = check.name('name', name)
    return calling(() => this.#client.stat(called))
  }

  /** The name goes; the memory stays until the last view anywhere closes. Errors: NOT_FOUND, ACCESS, NODE_LOST. */
  unlink(name: string): void {
    const called = check.name('name', name)
    calling(() => this.#client.unlink(called))
  }

  /** Where a global address is in this process. Errors: NOT_MAPPED. */
  pointer(address: bigint): bigint {
    const at = check.big('address', address)
    return calling(() => this.#client.pointer(at))
  }

  /** The global address that a place in this process shows. Errors: NOT_MAPPED. */
  address(pointer: bigint): bigint {
    const at = check.big('pointer', pointer)
    return calling(() => this.#client.address(at))
  }

  /** An ArrayBuffer over `length` bytes at a global address, which one view must show. Errors: NOT_MAPPED, INVALID. */
  buffer(address: bigint, length: number): ArrayBuffer {
    const at = check.big('address', address)
    const bytes = check.count('length', length, 1)
    return calling(() => this.#client.buffer(this.#client.pointer(at), bytes))
  }

  /** The mutex of that name, number or address; it needs no creation. */
  mutex(key: check.Key): Mutex {
    return new Mutex(this.#client, check.key('key', key))
  }

  /** The reader-writer lock of that key; it needs no creation. */
  rwlock(key: check.Key): RwLock {
    return new RwLock(this.#client, check.key('key', key))
  }

  /** The semaphore of that key. Who uses it first makes it, with `initial` units; without, there must be one. */
  semaphore(key: check.Key, initial?: number): Semaphore {
    const units = initial === undefined ? undefined : check.count('initial', initial)
    return new Semaphore(this.#client, check.key('key', key), units)
  }

  /** The condition variable of that key; it needs no creation. */
  condition(key: check.Key): Condition {
    return new Condition(this.#client, check.key('key', key))
  }

  /** The counter of that key; it needs no creation. */
  counter(key: check.Key): Counter {
    return new Counter(this.#client, check.key('key', key))
  }

  /**
   * Waits at the 32-bit word at that global address, across processes and nodes: while it has the expected value, until it is
   * notified ('ok'; perhaps for nothing, so look again), else not at all ('not-equal').
   * Errors: TIMEOUT; BUSY (timeoutMs 0, and it is as expected); MISALIGNED, NOT_MAPPED (no view shows it), INVALID, LIMIT, NODE_LOST.
   */
  wait(address: bigint, expected: number, options?: WaitOptions): Promise<Woken> {
    return this.#word(address).wait(expected, options)
  }

  /** As wait(), but it blocks this JavaScript thread. */
  waitSync(address: bigint, expected: number, options?: Pick<WaitOptions, 'timeoutMs'>): Woken {
    return this.#word(address).waitSync(expected, options)
  }

  /** Wakes up to `count` of those that wait at that word, the longest first (default: all), and gives how many.
   * Errors: MISALIGNED, INVALID, NODE_LOST. */
  notify(address: bigint, count = Infinity): Promise<number> {
    return this.#word(address).notify(count)
  }
  notifySync(address: bigint, count = Infinity): number {
    return this.#word(address).notifySync(count)
  }

  #word(address: bigint): Word {
    const at = check.big('address', address)
    if (at % 4n !== 0n) throw new GshmError('MISALIGNED', `address 0x${at.toString(16)} is no multiple of 4`)
    return new Word(this.#client, at)
  }

  /**
   * Takes the mutex of that key for this call: another lock() of the same key waits, in this process too. Rejects with
   * ERR_GSHM_OWNER_DEAD when it IS held now but its last holder died; otherwise a rejection means that it is not held.
   * Errors: as Mutex.lock().
   */
  async lock(key: check.Key, options?: WaitOptions): Promise<void> {
    const held = await this.mutex(key).lock(options)
    this.#held.set(name(key), held)
    if (held.ownerDied) throw new GshmError('OWNER_DEAD', `lock ${name(key)} is held now, but its last holder died`)
  }

  /** Gives back what lock() took. Errors: NOT_HOLDER. */
  async unlock(key: check.Key): Promise<void> {
    check.key('key', key)
    const held = this.#held.get(name(key))
    if (held === undefined) throw new GshmError('NOT_HOLDER', `unlock: lock ${name(key)} is not held by this process`)
    this.#held.delete(name(key)) // before it is given back: the next one here may have it then
    held.unlock()
  }

  /**
   * Waits until `count` callers across the cluster, 1 to 65,535, have arrived at the barrier of that key. Who gives up takes
   * its arrival back: it does not count any more, and the others wait on. Whom all have come for before that is known has
   * gone through: then it resolves, even if the signal has been aborted.
   * Errors: BARRIER_MISMATCH (others wait with another count); TIMEOUT; BUSY (timeoutMs 0, and it was not the last to come);
   * NODE_LOST (a participant died or was lost); NAME_TOO_LONG, NAME_INVALID, INVALID, LIMIT.
   */
  async barrier(key: check.Key, count: number, options?: BarrierOptions): Promise<void> {
    await this.#barrier(key).wait(count, options)
  }

  /** Forgets the barrier of that key: how many came from which node last time. Errors: BUSY (somebody waits there), NODE_LOST. */
  async destroyBarrier(key: check.Key): Promise<void> {
    await this.#barrier(key).destroy()
  }

  #barrier(key: check.Key): Barrier {
    return new Barrier(this.#client, check.key('key', key))
  }

  /** As lock(), but blocks this JavaScript thread, which is the holder. Errors: DEADLOCK (it holds it already). */
  lockSync(key: check.Key): void {
    const which = check.key('key', key)
    calling(() => this.#client.lockSync(which))
  }

  /** Releases what lockSync() took. Errors: NOT_HOLDER. */
  unlockSync(key: check.Key): void {
    const which = check.key('key', key)
    calling(() => this.#client.unlockSync(which))
  }

  /** As barrier(), but blocks this JavaScript thread. */
  barrierSync(key: check.Key, count: number, options?: Omit<BarrierOptions, 'signal'>): void {
    this.#barrier(key).waitSync(count, options)
  }

  /**
   * Unmaps every view (buffers are detached), closes every segment and ends the registration. What this
   * process has written is known when it returns, in lrc segments too. Errors: DETACHED.
   */
  detach(): void {
    calling(() => this.#client.detach())
  }
}

/**
 * Registers this process with the daemon of its node. A process has one registration: attaching
 * again gives another handle of the same.
 * Errors: NO_DAEMON, ACCESS, INVALID (the socket's path is too long), ABI_VERSION, NO_USERFAULTFD,
 * NOT_USERFAULTFD, KERNEL_FEATURES, UNSUPPORTED (pages of another size), LIMIT.
 */
export function attach(options?: AttachOptions): Gshm {
  const { socket } = check.options('options', options, { socket: true })
  const path = socket === undefined ? null : check.name('socket', socket)
  const client = new native.NativeClient()
  calling(() => client.attach(path))
  return new Gshm(client)
}

/** A key as a text: names, numbers and addresses are different spaces. */
function name(key: check.Key): string {
  if (typeof key === 'object') return `at 0x${key.at.toString(16)}`
  return typeof key === 'string' ? `'${key}'` : String(key)
}
