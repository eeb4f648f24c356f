/**
 * The memory benchmark: how long a segment of 4 GiB takes to open and map, and what a touched page
 * costs the daemon besides its frame. A process on one of three nodes writes fresh pages, all of a
 * range (dense) or every tenth (sparse); a third of the pages has its home on that node.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { segments, status } from '../ts/client/inspect.js'
import type { Daemon } from '../ts/launch/daemon.js'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import { createSegment, openAndMap, touch } from './programs.js'
import { spread } from './stats.js'

const BIG = 4 * 2 ** 30
const PAGE = 4096
const NODES = 3
const OPENINGS = 9
/** Bytes a touched page may take in the directory, seconds that opening and mapping may (the project's own targets). */
const TARGETS = { directoryBytes: 32, openMapSeconds: 0.5 } as const

type Spread = ReturnType<typeof spread>

export interface PageCost {
  /** Of the node whose process touches them, after the last window. */
  touchedPages: number
  directoryBytes: number
  /** On that node, and the most on any node. */
  directoryBytesPerPage: { faulting: number; worst: number }
  /** Growth of the faulting node's daemon for each page touched, by window. */
  rssAnonBytesPerPage: Spread
}

export interface MemoryBenchmark {
  ok: boolean
  segmentBytes: number
  pages: number
  windows: number
  openMapSeconds: Spread
  dense: PageCost
  sparse: PageCost
}

export async function memoryBenchmark(pages: number, windows: number): Promise<MemoryBenchmark> {
  const openMapSeconds = await onCluster(async ([a, b]) => {
    await createSegment(a!, 'big', BIG)
    const seconds: number[] = []
    for (let n = 0; n < OPENINGS; n++) seconds.push(await openAndMap(b!, 'big'))
    return spread(seconds)
  })
  const dense = await pageCost(pages, windows, 1)
  const sparse = await pageCost(pages, windows, 10)
  print(openMapSeconds, { dense, sparse })
  return { ok: true, segmentBytes: BIG, pages, windows, openMapSeconds, dense, sparse }
}

async function onCluster<T>(measure: (nodes: readonly Daemon[]) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  // The bound is of frames that hold a page; it must also exceed the sizes of segments.
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: NODES, memory: 2 ** 40 })
  try {
    return await measure(nodes)
  } finally {
    await stopDaemons(nodes)
    rmSync(dir, { recursive: true })
  }
}

/**
 * The daemon's anonymous memory is the directory and the heap of JavaScript, and garbage moves the
 * latter by more than the former grows in one window, either way: hence a first window that is not
 * counted, and several that are, whose median and extremes are told.
 */
function pageCost(pages: number, windows: number, stride: number): Promise<PageCost> {
  return onCluster(async (nodes) => {
    const [faulting] = nodes as [Daemon]
    await createSegment(faulting, 'pages', (windows + 1) * pages * stride * PAGE)
    const grown: number[] = []
    for (let window = 0; window <= windows; window++) {
      process.stderr.write(`\r${stride === 1 ? 'dense' : 'sparse'}: window ${window} of ${windows} `)
      const before = rssAnon(faulting.pid)
      await touch(faulting, 'pages', 'write', window * pages * stride, stride, pages)
      if (window > 0) grown.push((rssAnon(faulting.pid) - before) / pages)
    }
    process.stderr.write('\r                              \r')
    const perPage = nodes.map(({ socket }) => {
      const { touchedPages, directoryBytes } = status(socket)
      return touchedPages === 0 ? 0 : directoryBytes / touchedPages
    })
    const { touchedPages, directoryBytes } = status(faulting.socket)
    const frames = segments(faulting.socket).find(({ name }) => name === 'pages')!.localFrames
    if (frames !== (windows + 1) * pages) throw new Error(`${frames} frames for ${(windows + 1) * pages} touched pages`)
    return {
      touchedPages,
      directoryBytes,
      directoryBytesPerPage: { faulting: perPage[0]!, worst: Math.max(...perPage) },
      rssAnonBytesPerPage: spread(grown),
    }
  })
}

function rssAnon(pid: number): number {
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

function print(openMap: Spread, costs: Readonly<Record<'dense' | 'sparse', PageCost>>): void {
  const range = ({ min, max }: Spread, digits: number) => `${min.toFixed(digits)}..${max.toFixed(digits)}`
  const target = `target ${TARGETS.openMapSeconds} s`
  process.stderr.write(`open and map 4 GiB: ${openMap.median.toFixed(4)} s, ${range(openMap, 4)} (${target})\n`)
  for (const [name, { directoryBytesPerPage, rssAnonBytesPerPage, touchedPages }] of Object.entries(costs)) {
    const { faulting, worst } = directoryBytesPerPage
    const directory = `${faulting.toFixed(1)} B, worst node ${worst.toFixed(1)} B (target ${TARGETS.directoryBytes})`
    const growth = `${rssAnonBytesPerPage.median.toFixed(1)} B, ${range(rssAnonBytesPerPage, 1)}`
    process.stderr.write(`${name}, ${touchedPages} pages: directory a page ${directory}; RssAnon a page ${growth}\n`)
  }
}
