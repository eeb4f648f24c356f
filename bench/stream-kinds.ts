/** What the stream benchmark measures: how a process goes through what another node's process has written. */

export const STREAM_KINDS = ['sequential', 'sequential64', 'lrc', 'random', 'pageAtATime'] as const
export type StreamKind = (typeof STREAM_KINDS)[number]

interface StreamAim {
  /** bench/stream_worker.c */
  readonly pass: 'sequential' | 'random'
  readonly consistency: 'mrsw' | 'lrc'
  /** Bytes of a coherence unit. */
  readonly unit: number
  /** Of the bytes that are asked for, those that are gone through: what is slow takes less. */
  readonly share: number
  /** Nothing is fetched ahead (gshmd --fetch-ahead 0). */
  readonly alone?: boolean
  /** Bytes per second that it shall have, at least, as a share of the TCP floor's. */
  readonly target?: number
}

export const STREAM_AIMS: Readonly<Record<StreamKind, StreamAim>> = {
  sequential: { pass: 'sequential', consistency: 'mrsw', unit: 4096, share: 1, target: 0.4 },
  sequential64: { pass: 'sequential', consistency: 'mrsw', unit: 65_536, share: 1, target: 0.4 },
  lrc: { pass: 'sequential', consistency: 'lrc', unit: 4096, share: 1 },
  random: { pass: 'random', consistency: 'mrsw', unit: 4096, share: 1 / 16 },
  pageAtATime: { pass: 'sequential', consistency: 'mrsw', unit: 4096, share: 1 / 16, alone: true },
}

/** So many times faster than page at a time `sequential` shall be. */
export const TIMES_PAGE_AT_A_TIME = 10
