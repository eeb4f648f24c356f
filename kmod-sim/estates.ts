/**
 * What children will have that register by themselves: those without inherited views, of which no fork event tells. Their parent
 * says before the fork that there will be one, and may have ended when the child does.
 */
import { randomBytes } from 'node:crypto'
import { GshmError } from '../ts/base/errors.js'
import type { SegmentId } from '../ts/base/ids.js'

/** Forks of all processes at one time. */
export const ESTATES_MAX = 1024

export class Estates {
  readonly #byToken = new Map<bigint, ReadonlySet<SegmentId>>()

  /** Gives the token that the child will show. @throws GshmError LIMIT */
  leave(segments: ReadonlySet<SegmentId>): bigint {
    if (this.#byToken.size >= ESTATES_MAX) {
      throw new GshmError('LIMIT', `${ESTATES_MAX} processes are being forked at once, and a node has no room for more`)
    }
    const token = randomBytes(8).readBigUInt64LE()
    this.#byToken.set(token, segments)
    return token
  }

  /** @throws GshmError DETACHED */
  of(token: bigint): ReadonlySet<SegmentId> {
    const segments = this.#byToken.get(token)
    if (segments === undefined) throw new GshmError('DETACHED', 'no fork is known by that token')
    return segments
  }

  /** The child has registered, or there will be none. Gives what nobody may hold now. */
  settle(token: bigint): ReadonlySet<SegmentId> {
    const segments = this.of(token)
    this.#byToken.delete(token)
    return segments
  }

  holds(segment: SegmentId): boolean {
    for (const segments of this.#byToken.values()) if (segments.has(segment)) return true
    return false
  }
}
