/**
 * A reader-writer lock across the cluster: first come, first served; readers that stand together go together, and a writer
 * that waits holds back the readers behind it. As with a mutex, every read() and write() is a holder of its own.
 */
import { GshmError } from '../base/errors.js'
import type { NativeClient, NativeKey } from '../native/index.js'
import { SharedObject, unlessBusy } from './object.js'
import type { WaitOptions } from './wait.js'

/** A reader-writer lock that is held. `await using held = await lock.read()` gives it back at the block's end. */
export class HeldRwLock {
  #isOver = false

  /** Made by RwLock.read() and write(). @param giveBack asks for it */
  constructor(
    private readonly giveBack: () => Promise<unknown>,
    /** A writer died holding it: what it guards may be half changed. Readers are told until a writer has been. */
    readonly ownerDied: boolean,
  ) {}

  /** Resolves when what was written here is known, and the lock is on its way. Errors: NOT_HOLDER (given back already), NODE_LOST. */
  async unlock(): Promise<void> {
    if (this.#isOver) throw new GshmError('NOT_HOLDER', 'unlock: this holder has given the lock back already')
    this.#isOver = true
    await this.giveBack()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) await this.unlock()
  }
}

export class RwLock extends SharedObject {
  /** Made by Gshm.rwlock(). */
  constructor(client: NativeClient, key: NativeKey) {
    super(client, 'rwlock', key)
  }

  /** Takes the lock with other readers. Errors: TIMEOUT; BUSY (timeoutMs 0: it would have to wait); NAME_TOO_LONG, NAME_INVALID, INVALID, LIMIT, NODE_LOST. */
  read(options?: WaitOptions): Promise<HeldRwLock> {
    return this.#take('read', options)
  }

  /** Takes the lock alone. Errors: as read(). */
  write(options?: WaitOptions): Promise<HeldRwLock> {
    return this.#take('write', options)
  }

  /** Takes it if that needs no waiting; else undefined. Errors: as read(). */
  tryRead(): Promise<HeldRwLock | undefined> {
    return unlessBusy(() => this.read({ timeoutMs: 0 }))
  }
  tryWrite(): Promise<HeldRwLock | undefined> {
    return unlessBusy(() => this.write({ timeoutMs: 0 }))
  }

  /** As read() and write(), but they block this JavaScript thread, which is the holder. Throw OWNER_DEAD when it holds the
   * lock now and a writer died. Errors besides: DEADLOCK (it holds it already). */
  readSync(options?: Pick<WaitOptions, 'timeoutMs'>): void {
    this.askSync('read', 0n, options)
  }
  writeSync(options?: Pick<WaitOptions, 'timeoutMs'>): void {
    this.askSync('write', 0n, options)
  }
  /** Gives back what readSync() or writeSync() took. Errors: NOT_HOLDER. */
  unlockSync(): void {
    this.askSync('unlock')
  }

  async #take(deed: 'read' | 'write', options: WaitOptions | undefined): Promise<HeldRwLock> {
    const holder = this.client.newHolder()
    const giveBack = () => this.ask('unlock', { holder })
    try {
      await this.waitFor(deed, options, { holder }, () => void giveBack())
      return new HeldRwLock(giveBack, false)
    } catch (error) {
      if (!(error instanceof GshmError) || error.reason !== 'OWNER_DEAD') throw error
      if (options?.signal?.aborted !== true) return new HeldRwLock(giveBack, true)
      await giveBack()
      throw options.signal.reason
    }
  }
}
