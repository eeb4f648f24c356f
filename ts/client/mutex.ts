/**
 * A mutex across the cluster. It belongs to its holder; a JavaScript thread runs many tasks, so every lock()
 * is a holder of its own, and two tasks of one process exclude each other as processes do.
 */
import { GshmError } from '../base/errors.js'
import type { NativeClient, NativeKey } from '../native/index.js'
import * as check from './check.js'
import { calling } from './failure.js'
import { blockingTimeoutNs, timeoutNs, wait, waitOptions, type WaitOptions } from './wait.js'

/** A mutex that is held. `using held = await mutex.lock()` gives it back at the block's end. */
export class Held {
  #isOver = false

  /** Made by Mutex.lock(). */
  constructor(
    private readonly client: NativeClient,
    private readonly key: NativeKey,
    private readonly holder: number,
    /** The last holder died holding it: what it guards may be half changed. */
    readonly ownerDied: boolean,
  ) {}

  /** Errors: NOT_HOLDER (given back already), DETACHED, DAEMON_LOST. */
  unlock(): void {
    if (this.#isOver) throw new GshmError('NOT_HOLDER', 'unlock: this holder has given the lock back already')
    calling(() => this.client.unlock(this.key, this.holder))
    this.#isOver = true
  }

  [Symbol.dispose](): void {
    if (!this.#isOver) this.unlock()
  }

  /** For Condition.wait(): gives the mutex back, waits for a signal, and has the mutex again. */
  async wait(condition: NativeKey, options: WaitOptions | undefined): Promise<void> {
    if (this.#isOver) throw new GshmError('NOT_HOLDER', 'wait: this holder has given the mutex back already')
    const given = waitOptions(options)
    await wait(
      this.client,
      given,
      (timeout, cancel) => this.client.conditionWait(condition, this.key, this.holder, timeout, cancel),
      () => {},
    )
  }
}

export class Mutex {
  /** Made by Gshm.mutex(). */
  constructor(
    private readonly client: NativeClient,
    /** For Condition.waitSync(). */
    readonly key: NativeKey,
  ) {}

  /**
   * Takes the mutex. On the node that used it last that is an atomic instruction, where nobody waits.
   * A signal that is aborted after the grant gives the mutex back, unless its last holder died: that is told once.
   * Errors: TIMEOUT; BUSY (timeoutMs 0: others hold it, or come first); NAME_TOO_LONG, NAME_INVALID, INVALID, LIMIT, NODE_LOST.
   */
  async lock(options?: WaitOptions): Promise<Held> {
    const given = waitOptions(options)
    // Here, for a mutex that is free is had without a wait.
    timeoutNs(given)
    check.signal('signal', given.signal)?.throwIfAborted()
    const holder = this.client.newHolder()
    if (calling(() => this.client.tryLock(this.key, holder))) return this.#held(holder, false)
    try {
      await wait(
        this.client,
        given,
        (timeout, cancel) => this.client.lock(this.key, holder, timeout, cancel),
        () => this.client.unlock(this.key, holder),
      )
      return this.#held(holder, false)
    } catch (error) {
      // Even if the signal was aborted meanwhile: that a holder died is told once, and must not be lost.
      if (error instanceof GshmError && error.reason === 'OWNER_DEAD') return this.#held(holder, true)
      throw error
    }
  }

  /** Takes the mutex if that needs no waiting for another holder; else undefined. Errors: as lock(). */
  async tryLock(): Promise<Held | undefined> {
    try {
      return await this.lock({ timeoutMs: 0 })
    } catch (error) {
      if (error instanceof GshmError && error.reason === 'BUSY') return undefined
      throw error
    }
  }

  /**
   * As lock(), but blocks this JavaScript thread, which is the holder. Throws OWNER_DEAD when it holds the mutex now
   * and the last holder died. Errors besides: DEADLOCK (it holds it already).
   */
  lockSync(options?: Pick<WaitOptions, 'timeoutMs'>): void {
    const timeout = blockingTimeoutNs(options)
    calling(() => this.client.lockSync(this.key, timeout))
  }

  /** Gives back what lockSync() took. Errors: NOT_HOLDER. */
  unlockSync(): void {
    calling(() => this.client.unlockSync(this.key))
  }

  /** Forgets the news of a holder's death; nothing else is kept. Errors: BUSY (held, or somebody waits), NODE_LOST. */
  async destroy(): Promise<void> {
    const held = await this.lock({ timeoutMs: 0 })
    held.unlock()
  }

  #held(holder: number, ownerDied: boolean): Held {
    return new Held(this.client, this.key, holder, ownerDied)
  }
}
