/** One connection of the device: who it belongs to, and how its requests are answered. */
import { ERROR_NAMES } from '../ts/base/errors.js'
import type { DeviceChannel, DeviceReplies, DeviceRequest, DeviceReply } from '../ts/native/index.js'
import type { Identity } from './permission.js'
import type { Process } from './process-registry.js'

const NO_FDS: readonly number[] = []

export class DeviceClient {
  process: Process | undefined
  visitor = false
  /** Its only use is that this stands while it is open. */
  estate: bigint | undefined
  /** The ticket of a request that can be cancelled. */
  waits: number | undefined
  /** Nobody reads its answers any more. */
  gone = false

  constructor(readonly channel: DeviceChannel) {}

  /** It has said hello. */
  get greeted(): boolean {
    return this.process !== undefined || this.visitor || this.estate !== undefined
  }

  /** Whose rights its requests have. */
  get who(): Identity {
    return this.process?.who ?? this.channel.peer
  }

  reply<O extends DeviceRequest['op']>(
    request: { op: O; serial: number },
    body: DeviceReply<O>,
    fds: readonly number[] = NO_FDS,
  ): void {
    if (!this.gone) this.channel.reply(request.op, request.serial, body, fds)
  }

  /** For requests whose success has no body. */
  settle(request: Exclude<DeviceRequest, { op: keyof DeviceReplies }>, outcome: unknown): void {
    if (outcome instanceof Error) this.fail(request, outcome)
    else this.reply(request, undefined)
  }

  /** Errors that users can cause carry a code; anything else is the daemon's own fault and ends it. */
  fail(request: DeviceRequest, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason = ERROR_NAMES.indexOf(code.replace(/^ERR_GSHM_/, '') as (typeof ERROR_NAMES)[number])
    if (reason < 0) throw error
    if (!this.gone) this.channel.fail(request.op, request.serial, reason, (error as Error).message)
  }
}
