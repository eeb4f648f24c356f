/** A barrier across the cluster: where `count` callers of any processes and nodes meet. It needs no creation, and is used again and again. */
import { native, type NativeClient, type NativeKey } from '../native/index.js'
import * as check from './check.js'
import { GshmError } from '../base/errors.js'
import { calling } from './failure.js'
import { SharedObject } from './object.js'
import { timeoutNs, wait, type WaitOptions } from './wait.js'

export interface BarrierOptions extends WaitOptions {
  /**
   * How nodes tell each other that all are there: each tells the barrier's manager ('central'), or in a 'tree' its parent, so that
   * no node has more than four to listen to. Default: 'auto', as many nodes as came last time decide (gshmd --barrier-tree).
   */
  readonly shape?: 'auto' | 'central' | 'tree'
}

const BARRIER_OPTIONS = { timeoutMs: true, signal: true, shape: true } as const
const { BARRIER_SHAPE_CENTRAL, BARRIER_SHAPE_TREE } = native.constants
const SHAPES: Readonly<Record<string, number>> = { auto: 0, central: BARRIER_SHAPE_CENTRAL, tree: BARRIER_SHAPE_TREE }

export class Barrier extends SharedObject {
  /** Made for Gshm.barrier(). */
  constructor(
    client: NativeClient,
    private readonly called: NativeKey,
  ) {
    super(client, 'barrier', called)
  }

  async wait(count: number, options?: BarrierOptions): Promise<void> {
    const given = check.options('options', options, BARRIER_OPTIONS)
    const flags = flagsOf(given)
    const callers = check.count('count', count, 1)
    // Who has gone through cannot take that back: others have gone with it.
    await wait(
      this.client,
      given,
      (timeout, cancel) => this.client.barrier(this.called, callers, flags, timeout, cancel),
      undefined,
    )
  }

  waitSync(count: number, options?: Omit<BarrierOptions, 'signal'>): void {
    const given = check.options('options', options, { timeoutMs: true, shape: true })
    const timeout = timeoutNs(given)
    const flags = flagsOf(given)
    const callers = check.count('count', count, 1)
    calling(() => this.client.barrierSync(this.called, callers, flags, timeout))
  }
}

function flagsOf({ shape = 'auto' }: Pick<BarrierOptions, 'shape'>): number {
  const flags = Object.hasOwn(SHAPES, shape) ? SHAPES[shape] : undefined
  if (flags !== undefined) return flags
  throw new GshmError('INVALID', `shape is '${String(shape)}': there are ${Object.keys(SHAPES).join(', ')}`)
}
