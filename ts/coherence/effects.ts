/**
 * What the coherence engine wants done to a page, in order. The engine names pages; whoever
 * performs the effects (the pager, or the simulator's pretend kernel) moves bytes. Each is over
 * all local views of the page:
 *   Downgrade  write -> read; when it has been performed no thread here can write
 *   Copy       the frame's bytes become the payload of the Sends with bytes 'page' that follow
 *   Punch      any -> none; the frame is freed. Follows Downgrade and Copy (law 4)
 *   Install    the page becomes accessible to the waiting faults, with at most `access`:
 *              bytes 'page': those of the message in hand; 'zero': zeros; 'kept': the frame as it is
 *   Poison     every local access from now on is SIGBUS, of waiting faults too
 */
import type { Access, Page, SegmentId } from '../base/ids.js'
import type { SendEffect } from '../base/effects.js'
import type { CoherenceMessage } from './messages.js'

export type PageEffect =
  | { readonly do: 'Downgrade' | 'Copy' | 'Punch' | 'Poison'; readonly segment: SegmentId; readonly page: Page }
  | {
      readonly do: 'Install'
      readonly segment: SegmentId
      readonly page: Page
      readonly access: Access
      readonly bytes: 'page' | 'zero' | 'kept'
    }
/** Requests of nodes wait for this page here, its home, and the first can go on: whoever performs
 * this answers with the event `resume` for the page, after the step; at once, or when a thread here
 * has had time to use what was installed for it (law 11). */
export interface ResumeEffect {
  readonly do: 'Resume'
  readonly segment: SegmentId
  readonly page: Page
}
export type CoherenceEffect = PageEffect | ResumeEffect | SendEffect<CoherenceMessage>
