/** Bugs planted in lrc: mutants.ts. */
import type { EdgeName } from '../base/effects.js'
import type { CoherenceEffect } from '../coherence/effects.js'
import type { CoherenceState } from '../coherence/state.js'
import { lrc } from '../coherence/lrc/index.js'
import { to } from '../coherence/table.js'
import { copyCell, homeCell, type Mutant } from './plant.js'

const edges = lrc.edges!
/** Nodes that take turns at one page under locks, where one hears of another late. */
const CROWD = { nodes: 4, pages: 1, locking: 0.7, slowLink: true } as const

export const LRC: readonly Mutant[] = [
  { name: 'a noticed page stays at an acquire', protocol: copyCell(lrc, 'RS', 'Acquire', to('R', 'Forgotten')) },
  { name: 'nothing is acquired', protocol: { ...lrc, edges: { ...edges, acquire: () => {} } } },
  {
    name: 'released before it is known',
    protocol: {
      ...lrc,
      edges: {
        ...edges,
        release: (cells, state, edge, effects, scope, next) => {
          edges.release(cells, state, edge, effects, scope, next)
          const late = state.edges.releases.splice(0)
          for (const { edge } of late) effects.push({ do: 'Released', edge })
        },
      },
    },
  },
  {
    name: 'memory given back before what was written is known',
    protocol: {
      ...lrc,
      edges: {
        ...edges,
        release: (cells, state, edge, effects, scope, next) => {
          edges.release(cells, state, edge, effects, scope, next)
          if (edge.of === 'heap') forget(state, edge, [...state.edges.flushes.keys()], effects)
        },
      },
    },
  },
  {
    name: 'a range is not acquired',
    protocol: {
      ...lrc,
      edges: {
        ...edges,
        acquire: (cells, state, effects, scope) => {
          if (scope === undefined) edges.acquire(cells, state, effects, scope)
        },
      },
    },
  },
  {
    name: 'a range released without its last page',
    protocol: {
      ...lrc,
      edges: {
        ...edges,
        release: (cells, state, edge, effects, scope, next) =>
          edges.release(cells, state, edge, effects, scope && { ...scope, last: scope.last - 1 }, next),
      },
    },
  },
  {
    name: 'a release of a range awaits no earlier flush',
    first: 10_001,
    protocol: {
      ...lrc,
      edges: {
        ...edges,
        release: (cells, state, edge, effects, scope, next) => {
          const earlier = [...state.edges.flushes.keys()]
          edges.release(cells, state, edge, effects, scope, next)
          if (scope !== undefined) forget(state, edge, earlier, effects)
        },
      },
    },
  },
  {
    name: 'a token leaves before others than its next node know',
    first: 4001,
    drawn: CROWD,
    protocol: {
      ...lrc,
      edges: {
        ...edges,
        release: (cells, state, edge, effects, scope, next) => {
          edges.release(cells, state, edge, effects, scope, next)
          const { flushes } = state.edges
          const own = [...flushes].filter(([, { home }]) => next !== undefined && home === state.self)
          forget(
            state,
            edge,
            own.map(([number]) => number),
            effects,
          )
        },
      },
    },
  },
  {
    name: 'a release without diffs',
    protocol: copyCell(lrc, 'W', 'Release', to('R', 'Clean', 'Downgrade', 'DropTwin')),
  },
  { name: 'diffed before Downgrade', protocol: copyCell(lrc, 'W', 'Release', to('R', 'Clean', 'Diff', 'Downgrade')) },
  { name: 'written on after a release', protocol: copyCell(lrc, 'W', 'Release', to('R', 'Clean', 'Diff')) },
  {
    name: 'bytes that come along not taken, and read',
    protocol: copyCell(lrc, 'R', 'NoticeAlong', to('RU', 'AckKept')),
  },
  {
    name: 'bytes come along before all that was written at home is in them',
    protocol: copyCell(lrc, 'W', 'ReleaseAlong', to('R', 'Clean', 'Whole', 'Downgrade', 'NotifySharers')),
  },
  {
    name: 'bytes that come along are taken for those of a page that is dirty',
    protocol: copyCell(lrc, 'W', 'NoticeAlong', to('W', 'Patch', 'AckKept')),
  },
  {
    name: 'bytes that come along are taken, although own ones are on their way',
    drawn: CROWD,
    protocol: {
      ...lrc,
      edges: {
        ...edges,
        message: (cells, state, from, message, effects) => {
          const { flushes } = state.edges
          const sound = [...flushes]
          if (message.type === 'Notice') for (const [number, one] of sound) flushes.set(number, { ...one, kept: [] })
          edges.message(cells, state, from, message, effects)
          for (const [number, one] of sound) if (flushes.has(number)) flushes.set(number, one)
        },
      },
    },
  },
  { name: 'a notice forgotten', protocol: copyCell(lrc, 'R', 'Notice', to('R')) },
  { name: 'a notice forgotten where the page is dirty', protocol: copyCell(lrc, 'W', 'Notice', to('W', 'AckKept')) },
  {
    name: 'a dirty sharer no longer counted on',
    protocol: copyCell(lrc, 'W', 'Notice', to('WS', 'Noticed')),
  },
  {
    name: 'a sharer no longer counted on while the page is on its way to it',
    protocol: copyCell(lrc, 'IR_D', 'Notice', to('IR_D')),
  },
  {
    name: 'dirty bytes dropped at an acquire',
    protocol: copyCell(lrc, 'WS', 'Acquire', to('I', 'Clean', 'Forgotten', 'Downgrade', 'DropTwin', 'Punch')),
  },
  {
    name: 'a noticed page written without being fetched',
    protocol: copyCell(lrc, 'RS', 'Write', to('WS', 'KeepTwin', 'Dirty')),
  },
  { name: 'written without a twin', protocol: copyCell(lrc, 'R', 'Write', to('W', 'KeepWrite', 'Dirty')) },
  { name: 'written, and not on the list', protocol: copyCell(lrc, 'R', 'Write', to('W', 'KeepTwin')) },
  {
    name: 'taken from who had it alone without Downgrade',
    protocol: copyCell(lrc, 'E', 'FetchRead', to('R')),
  },
  {
    name: 'the home does not tell what it wrote',
    protocol: copyCell(lrc, 'W', 'ReleaseHome', to('R', 'Clean', 'Downgrade')),
  },
  { name: 'a diff not applied', protocol: homeCell(lrc, 'S', 'Diff', to('S', 'NotifySharers')) },
  { name: 'sharers not told of a diff', protocol: homeCell(lrc, 'S', 'Diff', to('S', 'Patch')) },
  { name: 'a reader not in the copyset', protocol: homeCell(lrc, 'S', 'GetRead', to('S', 'Copy', 'SendRead')) },
  {
    name: 'alone, although others have it',
    protocol: homeCell(lrc, 'S', 'GetWrite', to('A', 'Give', 'Copy', 'MasterGone', 'SendOnly')),
  },
  {
    name: 'who had it alone forgotten as a sharer',
    protocol: homeCell(lrc, 'E', 'GetRead', to('S', 'Begin', 'Wait', 'HomeHere', 'FetchRead')),
  },
  {
    name: 'the request that waits for the page forgotten',
    protocol: homeCell(lrc, 'E', 'GetRead', to('S', 'Begin', 'ShareOwn', 'FetchRead')),
  },
  { name: 'alone again, and its twin kept', protocol: copyCell(lrc, 'W', 'Alone', to('E', 'Clean')) },
  { name: 'alone again, and the master copy kept', protocol: homeCell(lrc, 'S', 'Alone', to('A', 'GiveSender')) },
  {
    name: 'evicted without a diff',
    protocol: copyCell(lrc, 'W', 'Evict', to('I', 'Clean', 'Downgrade', 'DropTwin', 'Punch')),
  },
  {
    name: 'evicted, and still on the list of dirty pages',
    protocol: copyCell(lrc, 'W', 'Evict', to('I', 'Downgrade', 'DiffStale', 'Punch')),
  },
  { name: 'evicted, and still on the list of noticed pages', protocol: copyCell(lrc, 'RS', 'Evict', to('I', 'Punch')) },
  {
    name: 'a page that comes home unasked not taken in',
    protocol: homeCell(lrc, 'A', 'PageHome', to('S', 'HomeHere')),
  },
  { name: 'the master copy evicted', protocol: copyCell(lrc, 'R', 'EvictHome', to('I', 'Punch')) },
  {
    name: 'first touch, and its first home goes on being its home',
    protocol: homeCell(lrc, 'U', 'GetWriteAlone', to('U', 'GrantOnlyZero')),
  },
  { name: 'gave a page away, and tells nobody where to', protocol: homeCell(lrc, 'A', 'Astray', to('A')) },
  { name: 'given away, and read on', protocol: copyCell(lrc, 'R', 'Given', to('R')) },
  {
    name: 'a diff that comes after its page was given away aborts',
    first: 2001,
    protocol: homeCell(lrc, 'A', 'Diff', 'never'),
  },
  {
    name: 'who was asked is lost, and nobody else asked',
    lossy: true,
    protocol: copyCell(lrc, 'IR_D', 'HomeLost', to('I')),
  },
  {
    name: 'lost with who had it alone, and nobody told',
    lossy: true,
    protocol: homeCell(lrc, 'L', 'GetRead', to('L')),
  },
  {
    name: 'a lost sharer still awaited',
    lossy: true,
    protocol: { ...lrc, edges: { ...edges, lost: () => {} } },
  },
]

/** These flushes are not awaited by the release that has just begun. */
function forget(state: CoherenceState, edge: EdgeName, flushes: readonly number[], effects: CoherenceEffect[]): void {
  const release = state.edges.releases.find((one) => one.edge === edge)
  if (release === undefined) return
  for (const number of flushes) release.awaited.delete(number)
  if (release.awaited.size > 0) return
  state.edges.releases = state.edges.releases.filter((one) => one !== release)
  effects.push({ do: 'Released', edge })
}
