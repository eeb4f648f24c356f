/**
 * The clusters that the explorer goes through, and how many states each has: a change of a count
 * that nobody meant is a tripwire.
 */
import type { Setup } from './setup.js'

export interface ExplorerSize extends Omit<Setup, 'step'> {
  /** Unique among those of the protocol. */
  readonly name: string
  /** test: in the test suite; daily: `npm run explore`; full: only with --full or by name. */
  readonly when: 'test' | 'daily' | 'full'
  readonly symmetry?: true
  readonly states: number
}

const plain = {
  places: 1,
  locks: 0,
  blocks: 0,
  ranges: false,
  pages: 1,
  threads: 1,
  duplicates: 0,
  losses: 0,
  tries: false,
  cancels: 0,
  deaths: 0,
  evictions: 0,
  holds: false,
}
const mrsw = { protocol: 'mrsw', ...plain } as const
const dynamic = { protocol: 'mrsw-dynamic', ...plain } as const
const srsw = { protocol: 'srsw', ...plain } as const
const lrc = { protocol: 'lrc', ...plain, places: 2, locks: 1 } as const
const heap = { ...lrc, places: 1, locks: 0, blocks: 1 } as const
const ranges = { ...lrc, places: 1, locks: 0, ranges: true } as const
const ending = { ...lrc, places: 1 } as const
const quitting = { tries: true, cancels: 1 } as const
const evicting = { ...lrc, places: 1, evictions: 1 } as const

export const EXPLORER_SIZES: readonly ExplorerSize[] = [
  { ...mrsw, name: '2n1p', when: 'test', nodes: 2, threads: 2, ops: 1, states: 19_697 },
  { ...mrsw, name: '2n2p', when: 'test', nodes: 2, pages: 2, ops: 2, states: 15_027 },
  { ...mrsw, name: '2n1p-lost', when: 'test', nodes: 2, ops: 2, duplicates: 1, losses: 1, states: 12_810 },
  { ...mrsw, name: '3n1p-lost', when: 'test', nodes: 3, ops: 1, losses: 1, states: 50_045 },
  { ...mrsw, name: '3n1p', when: 'daily', nodes: 3, ops: 2, states: 105_490 },
  { ...mrsw, name: '2n1p-2ops', when: 'daily', nodes: 2, threads: 2, ops: 2, states: 505_209 },
  { ...mrsw, name: '3n1p-lost-dup', when: 'full', nodes: 3, ops: 1, duplicates: 1, losses: 1, states: 296_813 },
  { ...mrsw, name: '3n1p-2lost', when: 'daily', nodes: 3, ops: 1, losses: 2, states: 55_923 },
  { ...mrsw, name: '3n1p-lost-2ops', when: 'full', nodes: 3, ops: 2, losses: 1, states: 352_818 },
  { ...mrsw, name: '4n1p', when: 'full', nodes: 4, ops: 1, states: 257_755 },
  { ...mrsw, name: '3n2p', when: 'daily', nodes: 3, pages: 2, ops: 1, states: 36_833 },
  { ...mrsw, name: '3n1p-3ops', when: 'daily', nodes: 3, ops: 3, symmetry: true, states: 192_985 },
  { ...mrsw, name: '2n2p-3ops', when: 'daily', nodes: 2, pages: 2, ops: 3, states: 63_089 },
  { ...mrsw, name: '4n1p-symmetry', when: 'daily', nodes: 4, ops: 1, symmetry: true, states: 44_796 },
  { ...mrsw, name: '2n1p-2threads-3ops', when: 'full', nodes: 2, threads: 2, ops: 3, states: 2_759_338 },
  { ...mrsw, name: '3n1p-2threads', when: 'full', nodes: 3, threads: 2, ops: 1, states: 9_116_835 },
  { ...mrsw, name: '3n2p-2ops', when: 'full', nodes: 3, pages: 2, ops: 2, states: 6_576_298 },
  { ...mrsw, name: '4n1p-2ops', when: 'full', nodes: 4, ops: 2, states: 6_889_587 },

  { ...mrsw, name: '2n1p-evict', when: 'test', nodes: 2, ops: 2, evictions: 2, states: 55_918 },
  { ...mrsw, name: '2n1p-evict-lost', when: 'daily', nodes: 2, ops: 2, evictions: 2, losses: 1, states: 69_354 },
  { ...mrsw, name: '3n1p-evict', when: 'daily', nodes: 3, ops: 1, evictions: 1, states: 116_103 },
  { ...mrsw, name: '3n1p-evict-lost', when: 'full', nodes: 3, ops: 1, evictions: 2, losses: 1, states: 2_251_098 },

  { ...srsw, name: '2n1p', when: 'test', nodes: 2, threads: 2, ops: 1, states: 10_966 },
  { ...srsw, name: '2n2p', when: 'test', nodes: 2, pages: 2, ops: 2, states: 14_041 },
  { ...srsw, name: '2n1p-lost', when: 'test', nodes: 2, ops: 2, duplicates: 1, losses: 1, states: 8_601 },
  { ...srsw, name: '3n1p-lost', when: 'test', nodes: 3, ops: 1, losses: 1, states: 33_663 },
  { ...srsw, name: '3n1p', when: 'daily', nodes: 3, ops: 2, states: 72_399 },
  { ...srsw, name: '2n1p-2ops', when: 'daily', nodes: 2, threads: 2, ops: 2, states: 173_866 },
  { ...srsw, name: '3n1p-2lost', when: 'daily', nodes: 3, ops: 1, losses: 2, states: 36_140 },
  { ...srsw, name: '4n1p', when: 'full', nodes: 4, ops: 1, states: 197_969 },
  { ...srsw, name: '3n2p', when: 'daily', nodes: 3, pages: 2, ops: 1, states: 35_077 },
  { ...srsw, name: '3n1p-3ops', when: 'daily', nodes: 3, ops: 3, symmetry: true, states: 119_233 },
  { ...srsw, name: '2n2p-3ops', when: 'daily', nodes: 2, pages: 2, ops: 3, states: 48_617 },
  { ...srsw, name: '3n1p-2threads', when: 'full', nodes: 3, threads: 2, ops: 1, states: 2_009_102 },
  { ...srsw, name: '3n2p-2ops', when: 'full', nodes: 3, pages: 2, ops: 2, states: 4_235_605 },
  { ...srsw, name: '3n2p-3ops', when: 'full', nodes: 3, pages: 2, ops: 3, states: 26_626_509 },
  { ...srsw, name: '4n1p-2ops', when: 'full', nodes: 4, ops: 2, states: 3_341_261 },

  { ...srsw, name: '2n1p-evict', when: 'test', nodes: 2, ops: 2, evictions: 2, states: 35_025 },
  { ...srsw, name: '2n1p-evict-lost', when: 'daily', nodes: 2, ops: 2, evictions: 2, losses: 1, states: 40_180 },
  { ...srsw, name: '3n1p-evict', when: 'daily', nodes: 3, ops: 1, evictions: 1, states: 93_468 },
  { ...srsw, name: '3n1p-evict-lost', when: 'full', nodes: 3, ops: 1, evictions: 2, losses: 1, states: 1_235_289 },

  { ...dynamic, name: '2n1p', when: 'test', nodes: 2, threads: 2, ops: 1, states: 20_408 },
  { ...dynamic, name: '2n2p', when: 'test', nodes: 2, pages: 2, ops: 2, states: 18_085 },
  { ...dynamic, name: '2n1p-lost', when: 'test', nodes: 2, ops: 2, duplicates: 1, losses: 1, states: 14_095 },
  { ...dynamic, name: '3n1p-1op', when: 'test', nodes: 3, ops: 1, states: 20_977 },
  { ...dynamic, name: '3n1p-lost', when: 'daily', nodes: 3, ops: 1, losses: 1, states: 1_314_952 },
  { ...dynamic, name: '3n1p', when: 'daily', nodes: 3, ops: 2, states: 333_748 },
  { ...dynamic, name: '2n1p-2ops', when: 'daily', nodes: 2, threads: 2, ops: 2, states: 530_000 },
  { ...dynamic, name: '2n2p-3ops', when: 'daily', nodes: 2, pages: 2, ops: 3, states: 77_563 },
  { ...dynamic, name: '4n1p', when: 'full', nodes: 4, ops: 1, symmetry: true, states: 618_907 },
  { ...dynamic, name: '3n1p-3ops', when: 'full', nodes: 3, ops: 3, symmetry: true, states: 687_584 },

  { ...dynamic, name: '2n1p-evict', when: 'test', nodes: 2, ops: 2, evictions: 2, states: 52_922 },
  { ...dynamic, name: '2n1p-evict-lost', when: 'daily', nodes: 2, ops: 2, evictions: 2, losses: 1, states: 66_258 },
  { ...dynamic, name: '3n1p-evict', when: 'daily', nodes: 3, ops: 1, evictions: 1, states: 295_423 },
  { ...dynamic, name: '3n1p-2evict', when: 'full', nodes: 3, ops: 1, evictions: 2, states: 1_999_940 },

  { ...lrc, name: '2n1p', when: 'test', nodes: 2, ops: 2, states: 44_332 },
  { ...lrc, name: '2n1p-lost', when: 'test', nodes: 2, ops: 2, places: 1, losses: 1, states: 25_408 },
  { ...lrc, name: '2n1p-3ops', when: 'daily', nodes: 2, ops: 3, places: 1, states: 147_123 },
  { ...lrc, name: '3n1p', when: 'daily', nodes: 3, ops: 1, places: 1, states: 17_928 },
  { ...lrc, name: '2n2p', when: 'daily', nodes: 2, pages: 2, ops: 2, places: 1, states: 64_384 },
  { ...lrc, name: '2n1p-2locks', when: 'daily', nodes: 2, ops: 2, places: 1, locks: 2, states: 40_896 },
  { ...lrc, name: '2n1p-2threads', when: 'daily', nodes: 2, threads: 2, ops: 1, places: 1, states: 298_211 },
  { ...lrc, name: '3n1p-2ops', when: 'full', nodes: 3, ops: 2, places: 1, states: 6_024_362 },
  { ...lrc, name: '3n1p-2locks', when: 'daily', nodes: 3, ops: 1, places: 1, locks: 2, states: 30_485 },
  { ...lrc, name: '3n1p-lost', when: 'daily', nodes: 3, ops: 1, places: 1, losses: 1, states: 98_055 },

  { ...ending, name: '2n1p-tries', when: 'test', nodes: 2, ops: 2, tries: true, states: 27_709 },
  { ...ending, name: '2n1p-cancels', when: 'daily', nodes: 2, ops: 2, cancels: 1, states: 41_977 },
  { ...ending, name: '2n1p-deaths', when: 'test', nodes: 2, ops: 2, deaths: 1, states: 52_243 },
  {
    ...ending,
    ...quitting,
    name: '2n1p-deaths-lost',
    when: 'test',
    nodes: 2,
    ops: 1,
    losses: 1,
    deaths: 1,
    states: 2_419,
  },
  { ...ending, ...quitting, name: '3n1p-tries', when: 'daily', nodes: 3, ops: 1, states: 37_770 },
  { ...ending, name: '3n1p-deaths', when: 'daily', nodes: 3, ops: 1, cancels: 1, deaths: 1, states: 48_807 },

  { ...evicting, name: '2n1p-evict', when: 'test', nodes: 2, ops: 2, states: 118_230 },
  { ...evicting, name: '2n1p-evict-twice', when: 'daily', nodes: 2, ops: 2, evictions: 2, states: 455_442 },
  { ...evicting, name: '2n1p-evict-lost', when: 'full', nodes: 2, ops: 2, losses: 1, states: 178_690 },
  { ...evicting, name: '3n1p-evict', when: 'daily', nodes: 3, ops: 1, states: 201_945 },
  { ...evicting, name: '3n1p-evict-lost', when: 'full', nodes: 3, ops: 1, losses: 1, states: 875_707 },

  { ...heap, name: '2n1p-heap', when: 'test', nodes: 2, ops: 2, states: 6_142 },
  { ...heap, name: '2n1p-heap-3ops', when: 'daily', nodes: 2, ops: 3, states: 27_344 },
  { ...heap, name: '3n1p-heap', when: 'daily', nodes: 3, ops: 1, states: 18_477 },
  { ...heap, name: '3n1p-heap-2ops', when: 'daily', nodes: 3, ops: 2, states: 1_058_497 },
  { ...heap, name: '3n1p-heap-3ops', when: 'full', nodes: 3, ops: 3, states: 15_468_890 },
  { ...heap, name: '2n1p-2blocks', when: 'daily', nodes: 2, ops: 2, places: 2, blocks: 2, states: 33_567 },

  { ...ranges, name: '2n1p-ranges', when: 'test', nodes: 2, ops: 2, states: 3_193 },
  { ...ranges, name: '2n1p-ranges-3ops', when: 'daily', nodes: 2, ops: 3, states: 15_526 },
  { ...ranges, name: '2n1p-ranges-4ops', when: 'daily', nodes: 2, ops: 4, states: 50_894 },
  { ...ranges, name: '2n1p-ranges-lost', when: 'daily', nodes: 2, ops: 4, losses: 1, states: 74_190 },
  { ...ranges, name: '2n1p-ranges-evict', when: 'full', nodes: 2, ops: 4, evictions: 1, states: 443_666 },
  { ...ranges, name: '3n1p-ranges', when: 'daily', nodes: 3, ops: 1, states: 12_880 },
  { ...ranges, name: '3n1p-ranges-2ops', when: 'daily', nodes: 3, ops: 2, states: 510_798 },
  { ...ranges, name: '3n1p-ranges-3ops', when: 'full', nodes: 3, ops: 3, states: 12_713_636 },
  { ...ranges, name: '2n2p-ranges', when: 'daily', nodes: 2, pages: 2, ops: 2, states: 36_451 },
  { ...ranges, name: '2n1p-ranges-2threads', when: 'daily', nodes: 2, threads: 2, ops: 1, states: 190_158 },
]
