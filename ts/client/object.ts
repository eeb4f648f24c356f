/** What all objects that live at a key's manager have in common: how they are asked. */
import { GshmError } from '../base/errors.js'
import { OBJECT_DEEDS, OBJECT_KINDS, type ObjectDeed, type ObjectKind } from '../base/objects.js'
import type { NativeClient, NativeKey, ObjectAsk } from '../native/index.js'
import { calling, waiting } from './failure.js'
import { blockingTimeoutNs, wait, waitOptions, type WaitOptions } from './wait.js'

export interface AskOptions {
  /** Default 0. */
  readonly value?: bigint
  readonly holder?: number
}

export class SharedObject {
  /** @param initial of a semaphore: what it begins with; -1n: there must be one */
  constructor(
    protected readonly client: NativeClient,
    private readonly kind: ObjectKind,
    protected readonly key: NativeKey,
    private readonly initial = -1n,
  ) {}

  /** Forgets it. Errors: BUSY (held, or waited for), NOT_FOUND (a semaphore or counter that there is not). */
  async destroy(): Promise<void> {
    await this.ask('destroy')
  }

  /** What does not wait for others. */
  protected async ask(deed: ObjectDeed, options: AskOptions = {}): Promise<bigint> {
    let answer = 0n
    await waiting(async () => void (answer = await this.client.object(this.#asked(deed, options))))
    return answer
  }

  /** What may wait for others; `undo` gives back what was got when the signal has been aborted by then. */
  protected async waitFor(
    deed: ObjectDeed,
    options: WaitOptions | undefined,
    asked: AskOptions,
    undo: () => void,
  ): Promise<void> {
    const given = waitOptions(options)
    const ask = this.#asked(deed, asked)
    await wait(
      this.client,
      given,
      async (timeout, cancel) => void (await this.client.object(ask, timeout, cancel)),
      undo,
    )
  }

  /** Blocks this JavaScript thread. */
  protected askSync(deed: ObjectDeed, value = 0n, options?: Pick<WaitOptions, 'timeoutMs'>): bigint {
    const timeout = blockingTimeoutNs(options)
    return calling(() => this.client.objectSync(this.#asked(deed, { value }), timeout))
  }

  #asked(deed: ObjectDeed, { value = 0n, holder }: AskOptions): ObjectAsk {
    const kind = OBJECT_KINDS.indexOf(this.kind) + 1
    const ask = { kind, deed: OBJECT_DEEDS.indexOf(deed) + 1, key: this.key, value, initial: this.initial }
    return holder === undefined ? ask : { ...ask, holder }
  }
}

/** What `call` gives; undefined when it would have to wait. */
export async function unlessBusy<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof GshmError && error.reason === 'BUSY') return undefined
    throw error
  }
}
