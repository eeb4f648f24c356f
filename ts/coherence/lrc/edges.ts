/**
 * Acquire and release under lrc. A release sends each home one Flush with the diffs of all its pages
 * that are dirty here; the home applies them, tells every sharer of what has changed by one Notice,
 * awaits their acknowledgements, and acknowledges the flush. When all flushes of this node are
 * acknowledged the release is over, and only then may the barrier be entered, or a semaphore be posted:
 * links are in order pairwise, not causally, so a grant could overtake a notice. What goes to one node by the same
 * link, a lock's token, may leave earlier (releases.ts).
 * An acquire drops what has been noticed since; what is dirty goes home first.
 * Either may be for a range of pages (a scope), and leaves all others as they are.
 *
 * Cashmere-2L writes notices into other nodes' memory and has no acknowledgements; here they are
 * what makes a later acquire's list of notices complete.
 */
import type { EdgeName, PageRange } from '../../base/effects.js'
import { assert } from '../../base/assert.js'
import { expectOfPeer } from '../../base/expect.js'
import { NO_NODE, type NodeId } from '../../base/ids.js'
import { hasNode } from '../../base/node-set.js'
import { PeerError } from '../../base/peer-error.js'
import { isSharer } from '../copyset.js'
import type { CoherenceEffect } from '../effects.js'
import type { Cells as CellsOf } from '../protocol.js'
import { recordPages } from '../record-store.js'
import { firstHomeOf, homeOf, ownerOf, setHomeOf, type CoherenceState, type SegmentPages } from '../state.js'
import type { Context } from '../table.js'
import { createBatch, type Batch } from './batch.js'
import { evictEvent, mayFlush, mayGive, mineEvent, noticeAlongEvent } from './classify.js'
import type { CopyEvent } from './copy.table.js'
import type { HomeEvent } from './home.table.js'
import { ALONG_BYTES_MAX, EDGE_PAGES_MAX, FLUSH_BYTES_MAX, type EdgeMessage } from './messages.js'
import { beginRelease, flushed, settleReleases, told } from './releases.js'
import { deletePage, type PageName, type PageSets, type Telling } from './state.js'

interface PageOf {
  readonly pages: SegmentPages
  readonly page: number
}

type Cells = CellsOf<CopyEvent, HomeEvent>
type Effects = CoherenceEffect[]

/** What this node has written becomes known; `Released` follows, with the edge. */
export function release(
  cells: Cells,
  state: CoherenceState,
  edge: EdgeName,
  effects: Effects,
  scope: PageRange | undefined,
  to = NO_NODE,
): void {
  const { edges } = state
  for (const [home, dirty] of byHome(state, edges.dirty, scope)) {
    if (home === state.self) releaseHome(cells, state, dirty, to, effects)
    else flush(cells, state, home, dirty, 'Release', home === to, effects)
  }
  beginRelease(edges, edge, to)
  settleReleases(state, effects)
}

/** What others have made known is seen from now on. */
export function acquire(cells: Cells, state: CoherenceState, effects: Effects, scope: PageRange | undefined): void {
  for (const [home, stale] of byHome(state, state.edges.stale, scope))
    flush(cells, state, home, stale, 'Acquire', false, effects)
}

/** There is no memory for the page here any more. What was written to it goes home with it: a release that follows
 * awaits this flush as any other. */
export function evict(cells: Cells, context: Context): void {
  const event = evictEvent(context)
  if (event === undefined) return
  const { state, pages, page, effects } = context
  const batch = createBatch(false)
  const home = homeOf(pages, page)
  cells.copy({ ...context, batch }, event)
  if (home === state.self && event === 'Evict') cells.home(context, 'Evicted')
  else sendFlush(state, home, batch, false, effects)
}

export function edgeMessage(
  cells: Cells,
  state: CoherenceState,
  from: NodeId,
  message: EdgeMessage,
  effects: Effects,
): void {
  expectOfPeer(hasNode(state.nodes, from), `${message.type} of a node that is not a member`)
  switch (message.type) {
    case 'Flush':
      return takeFlush(cells, state, from, message, effects)
    case 'FlushAck':
      return takeFlushAck(cells, state, from, message, effects)
    case 'Notice':
      return takeNotice(cells, state, from, message, effects)
    case 'NoticeAck':
      return takeNoticeAck(cells, state, from, message, effects)
  }
}

/** Nobody awaits the lost node any more. Who was told on its behalf is awaited still: until then it may find its
 * copy stale, and must not be told that it is alone. */
export function edgesLost(cells: Cells, state: CoherenceState, node: NodeId, effects: Effects): void {
  const { edges } = state
  for (const [notice, telling] of [...edges.tellings]) {
    if (telling.awaited.delete(node)) settleTelling(cells, state, notice, telling, effects)
  }
  for (const [number, { home }] of [...edges.flushes]) {
    if (home !== node) continue
    flushed(state, number, effects)
  }
  for (const pages of state.segments.values()) forgetHomes(state, pages, node)
}

/** Where the lost node was, or was to note, the home of a page. */
function forgetHomes({ edges }: CoherenceState, pages: SegmentPages, node: NodeId): void {
  if (pages.moved === undefined) return
  for (const page of recordPages(pages.moved)) {
    if (homeOf(pages, page) === node) setHomeOf(pages, page, firstHomeOf(pages, page))
  }
  for (const page of edges.untold.get(pages.segment) ?? []) {
    if (firstHomeOf(pages, page) === node) deletePage(edges.untold, pages.segment, page)
  }
}

// -- as releaser

function byHome(state: CoherenceState, sets: PageSets, scope: PageRange | undefined): Map<NodeId, PageOf[]> {
  const homes = new Map<NodeId, PageOf[]>()
  for (const [segment, listed] of sets) {
    if (scope !== undefined && segment !== scope.segment) continue
    const pages = state.segments.get(segment)
    assert(pages !== undefined, `lrc: pages of segment ${segment}, which is gone`)
    for (const page of listed) {
      if (scope !== undefined && (page < scope.first || page > scope.last)) continue
      const home = homeOf(pages, page)
      const list = homes.get(home)
      if (list === undefined) homes.set(home, [{ pages, page }])
      else list.push({ pages, page })
    }
  }
  return homes
}

function flush(
  cells: Cells,
  state: CoherenceState,
  home: NodeId,
  all: readonly PageOf[],
  event: 'Release' | 'Acquire',
  owed: boolean,
  effects: Effects,
): void {
  for (let next = 0; next < all.length; ) {
    const batch = createBatch(false)
    const end = next + EDGE_PAGES_MAX
    let room = FLUSH_BYTES_MAX
    for (; next < all.length && next < end && room >= all[next]!.pages.unit; next++) {
      const { pages, page } = all[next]!
      room -= pages.unit
      cells.copy(contextOf(state, pages, page, state.self, batch, effects), event)
    }
    sendFlush(state, home, batch, owed, effects)
  }
}

/** @param owed the home is to await those whom it tells */
function sendFlush({ edges }: CoherenceState, home: NodeId, { flushed }: Batch, owed: boolean, effects: Effects): void {
  if (flushed.length === 0) return
  const number = edges.nextFlush++
  edges.flushes.set(number, { home, kept: flushed.filter(({ stale }) => stale === 0), owed })
  const stale = flushed.map((one) => one.stale)
  const message = { type: 'Flush', flush: number, owed: Number(owed), ...listed(flushed), stale } as const
  effects.push({ do: 'Send', to: home, message })
}

/** What was written here at home needs no flush: the sharers are told at once. */
function releaseHome(
  cells: Cells,
  state: CoherenceState,
  dirty: readonly PageOf[],
  to: NodeId,
  effects: Effects,
): void {
  const along = goAlong(dirty, to)
  const all = along.size === 0 ? dirty : [...along, ...dirty.filter((one) => !along.has(one))]
  for (let first = 0; first < all.length; first += EDGE_PAGES_MAX) {
    const batch = createBatch(false)
    for (const one of all.slice(first, first + EDGE_PAGES_MAX)) {
      const context = contextOf(state, one.pages, one.page, state.self, batch, effects)
      cells.copy(context, along.has(one) ? 'ReleaseAlong' : 'ReleaseHome')
    }
    if (batch.told.size === 0) continue
    const number = state.edges.nextFlush++
    state.edges.flushes.set(number, { home: state.self, kept: [], owed: false })
    const own = { from: state.self, flush: number, owed: false, moving: [] }
    tell(state, own, batch, effects, { to, count: first === 0 ? along.size : 0 })
  }
}

/** Which pages' bytes that node is sent, which has copies of them: the first ones, as many as may. */
function goAlong(dirty: readonly PageOf[], to: NodeId): ReadonlySet<PageOf> {
  const along = new Set<PageOf>()
  if (to === NO_NODE) return along
  let room = ALONG_BYTES_MAX
  for (const one of dirty) {
    if (!isSharer(one.pages, one.page, to)) continue
    room -= one.pages.unit
    if (room < 0) break
    along.add(one)
  }
  return along
}

function takeFlushAck(
  cells: Cells,
  state: CoherenceState,
  from: NodeId,
  message: Extract<EdgeMessage, { type: 'FlushAck' }>,
  effects: Effects,
): void {
  expectOfPeer(state.edges.flushes.get(message.flush)?.home === from, 'FlushAck of no flush')
  const alone = pagesOf(state, message)
  for (const one of alone) {
    expectOfPeer(one === undefined || homeOf(one.pages, one.page) === from, 'FlushAck of a node that is not the home')
  }
  const batch = createBatch(true)
  for (const one of alone) {
    if (one === undefined) continue
    const context = contextOf(state, one.pages, one.page, from, batch, effects)
    cells.copy(context, 'Alone')
    cells.home(context, mineEvent(context, from))
  }
  flushed(state, message.flush, effects)
}

// -- as home

function takeFlush(
  cells: Cells,
  state: CoherenceState,
  from: NodeId,
  message: Extract<EdgeMessage, { type: 'Flush' }>,
  effects: Effects,
): void {
  const { flush: number, stale, owed } = message
  const listing = pagesOf(state, message)
  expectOfPeer(stale.length === listing.length && stale.every(isFlag) && isFlag(owed), 'Flush: bad flags')
  const batch = createBatch(true)
  const flushed = listing.flatMap((one, at) => {
    if (one === undefined) return []
    return [{ at, drops: stale[at] === 1, context: contextOf(state, one.pages, one.page, from, batch, effects) }]
  })
  for (const { context } of flushed) expectOfPeer(mayFlush(context), 'Flush of a page that the sender does not have')
  const again = new Set<Context>()
  for (const { at, drops, context } of flushed) {
    if (!drops && ownerOf(context.pages, context.page) === from) again.add(context)
    batch.at = at
    cells.home(context, drops ? 'DiffStale' : 'Diff')
  }
  if (batch.told.size > 0) {
    const moving = [...again].map(nameOf)
    return tell(state, { from, flush: number, owed: owed === 1, moving }, batch, effects)
  }
  const given = flushed.flatMap(({ context }) => {
    const wanted = again.has(context) || !isSharer(context.pages, context.page, state.self)
    return wanted && mayGive(context, from) ? [context] : []
  })
  acknowledge(cells, from, number, given, effects)
}

/**
 * The flush is over, and these of its pages are given to the node that has flushed them: its alone from now on, no
 * twins, diffs and notices any more. At once, where nobody else has a copy. Where somebody had to be told, or this node
 * has a copy of its own, only what was flushed by nobody else twice running: it would be asked for again.
 */
function acknowledge(cells: Cells, to: NodeId, number: number, given: readonly Context[], effects: Effects): void {
  for (const context of given) {
    const { state, pages, page } = context
    if (isSharer(pages, page, state.self)) cells.copy(context, 'Given')
    cells.home(context, 'Alone')
  }
  effects.push({ do: 'Send', to, message: { type: 'FlushAck', flush: number, ...listed(given.map(nameOf)) } })
}

function nameOf({ pages, page }: Context): PageName {
  return { segment: pages.segment, page }
}

/** @param along the bytes of so many pages, the first that it is told of, go to that node */
function tell(
  state: CoherenceState,
  telling: Omit<Telling, 'awaited'>,
  { told }: Batch,
  effects: Effects,
  along = { to: NO_NODE, count: 0 },
): void {
  const notice = state.edges.nextNotice++
  state.edges.tellings.set(notice, { ...telling, awaited: told })
  for (const [node, list] of told) {
    const message = { type: 'Notice', notice, along: node === along.to ? along.count : 0, ...listed(list) } as const
    effects.push({ do: 'Send', to: node, message })
  }
}

function takeNoticeAck(
  cells: Cells,
  state: CoherenceState,
  from: NodeId,
  { notice, kept }: Extract<EdgeMessage, { type: 'NoticeAck' }>,
  effects: Effects,
): void {
  const telling = state.edges.tellings.get(notice)
  const list = telling?.awaited.get(from)
  if (telling === undefined || list === undefined) throw new PeerError('NoticeAck of no notice', from)
  expectOfPeer(kept.length === list.length && kept.every(isFlag), 'NoticeAck: bad flags')
  telling.awaited.delete(from)
  const batch = createBatch(true)
  list.forEach(({ segment, page }, at) => {
    const pages = state.segments.get(segment)
    // It may have dropped the page already, with its own diff.
    if (pages === undefined || !isSharer(pages, page, from)) return
    cells.home(contextOf(state, pages, page, from, batch, effects), kept[at] === 1 ? 'Kept' : 'Dropped')
  })
  settleTelling(cells, state, notice, telling, effects)
}

function settleTelling(cells: Cells, state: CoherenceState, notice: number, telling: Telling, effects: Effects): void {
  if (telling.awaited.size > 0) return settleReleases(state, effects)
  const { from, flush: number, moving } = telling
  state.edges.tellings.delete(notice)
  told(state, notice, effects)
  if (from !== state.self) {
    const given = moving.flatMap(({ segment, page }) => {
      const pages = state.segments.get(segment)
      if (pages === undefined || ownerOf(pages, page) !== from) return []
      const context = contextOf(state, pages, page, from, createBatch(true), effects)
      return mayGive(context, from) ? [context] : []
    })
    acknowledge(cells, from, number, given, effects)
  } else flushed(state, number, effects)
}

// -- as sharer

function takeNotice(
  cells: Cells,
  state: CoherenceState,
  from: NodeId,
  message: Extract<EdgeMessage, { type: 'Notice' }>,
  effects: Effects,
): void {
  const listing = pagesOf(state, message)
  for (const one of listing) {
    expectOfPeer(one === undefined || homeOf(one.pages, one.page) === from, 'Notice of a node that is not the home')
  }
  const { along } = message
  expectOfPeer(Number.isInteger(along) && along >= 0 && along <= listing.length, 'Notice: bad count')
  const batch = createBatch(true, listing.length)
  listing.forEach((one, at) => {
    if (one === undefined) return
    batch.at = at
    const context = contextOf(state, one.pages, one.page, from, batch, effects)
    cells.copy(context, at < along ? noticeAlongEvent(context) : 'Notice')
  })
  effects.push({ do: 'Send', to: from, message: { type: 'NoticeAck', notice: message.notice, kept: batch.kept } })
}

// -- lists of pages

function isFlag(flag: number): boolean {
  return flag === 0 || flag === 1
}

function listed(list: readonly PageName[]): { segments: number[]; pages: number[] } {
  return { segments: list.map(({ segment }) => segment), pages: list.map(({ page }) => page) }
}

/** The pages that a peer has listed, checked; undefined for one whose segment has gone, or shrunk, meanwhile. */
function pagesOf(
  state: CoherenceState,
  { type, segments, pages }: Extract<EdgeMessage, { type: 'Flush' | 'FlushAck' | 'Notice' }>,
): (PageOf | undefined)[] {
  expectOfPeer(segments.length === pages.length && pages.length <= EDGE_PAGES_MAX, `${type}: bad lists`)
  return segments.map((segment, at) => {
    const page = pages[at]!
    const found = state.segments.get(segment)
    expectOfPeer(found !== undefined || (segment > 0 && segment <= state.highest), `${type}: segment ${segment}`)
    if (found === undefined) return undefined
    expectOfPeer(found.protocol === 'lrc', `${type} for segment ${segment}, which is ${found.protocol}`)
    expectOfPeer(Number.isInteger(page) && page >= 0 && page < found.pages, `${type}: page ${page}`)
    return page < found.limit ? { pages: found, page } : undefined
  })
}

function contextOf(
  state: CoherenceState,
  pages: SegmentPages,
  page: number,
  from: NodeId,
  batch: Batch,
  effects: Effects,
): Context {
  return { state, pages, page, from, message: undefined, effects, batch }
}
