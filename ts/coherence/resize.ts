/**
 * A segment has another size: messages about pages below the new limit are taken in from now on, and those beyond it
 * are forgotten, whatever is under way about them: records, requests that wait, lists of lrc. Nobody is told; who
 * asks, and what has to hold before pages may come back, is ts/names/sizes.ts.
 */
import type { Page, SegmentId } from '../base/ids.js'
import type { CoherenceEffect } from './effects.js'
import type { Engine } from './engine.js'
import { forgetPages } from './lrc/state.js'
import { createRecordStore, findRecord, recordPages, recordWord, setRecordWord, touchRecord } from './record-store.js'
import type { RecordStore } from './record-store.js'
import { copyStateNumber, pageOfHomeIndex, type CoherenceState, type SegmentPages } from './state.js'

/** @param bytes pages up to here are served, or will be soon */
export function segmentSized(
  engine: Engine,
  state: CoherenceState,
  segment: SegmentId,
  bytes: number,
  effects: CoherenceEffect[],
): void {
  const pages = state.segments.get(segment)
  if (pages === undefined) return
  const limit = Math.ceil(bytes / pages.unit)
  if (limit < pages.limit) forget(engine, state, pages, limit, effects)
  else state.segments.set(segment, { ...pages, limit })
}

function forget(
  engine: Engine,
  state: CoherenceState,
  pages: SegmentPages,
  limit: Page,
  effects: CoherenceEffect[],
): void {
  const { segment } = pages
  const pageOfHome = (index: number) => pageOfHomeIndex(pages, state.self, index)
  const beyond = new Set(recordPages(pages.copies).filter((page) => page >= limit))
  for (const index of recordPages(pages.home)) if (pageOfHome(index) >= limit) beyond.add(pageOfHome(index))
  for (const page of beyond) leave(engine, state, pages, page, effects)
  forgetPages(state.edges, segment, limit)
  state.segments.set(segment, {
    ...pages,
    limit,
    copies: kept(pages.copies, (page) => page < limit),
    home: kept(pages.home, (index) => pageOfHome(index) < limit),
    moved: pages.moved && kept(pages.moved, (page) => page < limit),
    wide: keptOf(pages.wide, (index) => pageOfHome(index) < limit),
    transactions: keptOf(pages.transactions, (page) => page < limit),
    stalled: keptOf(pages.stalled, (page) => page < limit),
  })
}

function leave(
  engine: Engine,
  state: CoherenceState,
  pages: SegmentPages,
  page: Page,
  effects: CoherenceEffect[],
): void {
  const { segment } = pages
  const protocol = engine.protocolOf(pages)
  const now = protocol.copy.states[copyStateNumber(pages, page)] ?? ''
  const context = { state, pages, page, from: state.self, message: undefined, effects }
  if (state.edges.dirty.get(segment)?.has(page)) effects.push({ do: 'DropTwin', segment, page })
  if (protocol.access[now] !== 'none' || protocol.isMaster?.(context)) effects.push({ do: 'Punch', segment, page })
  effects.push({ do: 'Beyond', segment, page, poisoned: now === protocol.lost })
}

function kept(store: RecordStore, keeps: (at: number) => boolean): RecordStore {
  const copy = createRecordStore(store.words)
  for (const at of recordPages(store)) {
    if (!keeps(at)) continue
    const slot = touchRecord(copy, at)
    for (let word = 0; word < store.words; word++) {
      setRecordWord(copy, slot, word, recordWord(store, findRecord(store, at), word))
    }
  }
  return copy
}

function keptOf<V>(map: ReadonlyMap<number, V>, keeps: (at: number) => boolean): Map<number, V> {
  return new Map([...map].filter(([at]) => keeps(at)))
}
