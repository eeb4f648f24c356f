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
 *   Retry      waiting faults are woken, with nothing: what they find has changed, and they fault again;
 *              if the page was to be evicted, that is over
 *   Beyond     the page lies beyond the segment's end from now on; waiting faults are woken. `poisoned`: it was lost,
 *              and every view has poison there, which must go before the segment grows again
 * And of lrc, where several nodes write one page:
 *   Fill       the bytes arrive in the frame, for nobody here: the home's master copy
 *   Install with `twin`: first a twin is made of the bytes
 *   Diff       what differs between frame and twin joins the payload of the Flush that follows; the
 *              twin is dropped. Follows Downgrade
 *   Patch      the diff at place `diff` of the payload in hand goes into the frame
 *   Whole      all of the frame joins the payload of the Notice that follows, as a diff. Follows Downgrade
 *   DropTwin
 */
import type { Access, Page, SegmentId } from '../base/ids.js'
import type { EdgeName, SendEffect } from '../base/effects.js'
import type { EdgeMessage } from './lrc/messages.js'
import type { CoherenceMessage } from './messages.js'

export type PageEffect =
  | {
      readonly do: 'Downgrade' | 'Copy' | 'Punch' | 'Poison' | 'Retry' | 'Diff' | 'Whole' | 'DropTwin'
      readonly segment: SegmentId
      readonly page: Page
    }
  | {
      readonly do: 'Install'
      readonly segment: SegmentId
      readonly page: Page
      readonly access: Access
      readonly bytes: 'page' | 'zero' | 'kept'
      readonly twin: boolean
    }
  | { readonly do: 'Fill'; readonly segment: SegmentId; readonly page: Page; readonly bytes: 'page' | 'zero' }
  | { readonly do: 'Beyond'; readonly segment: SegmentId; readonly page: Page; readonly poisoned: boolean }
  | { readonly do: 'Patch'; readonly segment: SegmentId; readonly page: Page; readonly diff: number }
/** Requests of nodes wait for this page here, its home, and the first can go on: whoever performs
 * this answers with the event `resume` for the page, after the step; at once, or when a thread here
 * has had time to use what was installed for it (law 11). */
export interface ResumeEffect {
  readonly do: 'Resume'
  readonly segment: SegmentId
  readonly page: Page
}
/** A release is over: what was written here before it is known wherever it matters. */
export interface ReleasedEffect {
  readonly do: 'Released'
  readonly edge: EdgeName
}
export type CoherenceEffect = PageEffect | ResumeEffect | ReleasedEffect | SendEffect<CoherenceMessage | EdgeMessage>
