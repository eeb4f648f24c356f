/**
 * One placement of the stream benchmark, as a program: stream-placement MEBIBYTES ROUNDS. It starts two clusters of two nodes,
 * one of which fetches nothing ahead, measures the floors and every kind in turn, round by round, and prints one JSON line.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { status, unlink } from '../ts/client/inspect.js'
import type { Daemon } from '../ts/launch/daemon.js'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import { built } from '../ts/launch/paths.js'
import { medians } from './figures.js'
import { say } from './placements.js'
import { spread } from './stats.js'
import { STREAM_AIMS, STREAM_KINDS, TIMES_PAGE_AT_A_TIME, type StreamKind } from './stream-kinds.js'
import { Worker, withWorkers } from './worker.js'

/** Bytes per second. */
interface StreamFloors {
  readonly tcp: number
  readonly memcpy: number
}

export interface StreamFigure {
  /** Of a round's reading. */
  bytes: number
  bytesPerSecond: ReturnType<typeof spread>
  /** Of the floor `tcp`. */
  ratio: number
  /** Of the reading node, for each page of 4 KiB: the median round's. */
  faults: number
  target?: number
  met?: boolean
}

export interface StreamPlacement {
  floors: StreamFloors
  kinds: Record<StreamKind, StreamFigure>
  /** How many times faster `sequential` is than `pageAtATime`. */
  times: { ratio: number; target: number; met: boolean }
  /** Why the run was not whole. */
  failures: string[]
}

const PAGE = 4096
const MEBIBYTE = 2 ** 20
type Nodes = readonly [Daemon, Daemon]

interface Read {
  readonly bytesPerSecond: number
  readonly faults: number
}

/** A process on the first node fills a segment of its own for this, and one on the second reads it. */
async function read([writer, reader]: Nodes, kind: StreamKind, bytes: number, name: string): Promise<Read> {
  const { pass, unit, consistency } = STREAM_AIMS[kind]
  const start = (node: Daemon) => Worker.start(node, [built('stream_worker'), name, bytes, unit, consistency])
  const result = await withWorkers([start(writer)], async ([first]) => {
    await first!.pass('fill', bytes)
    return withWorkers([start(reader)], async ([second]) => {
      const faults = () => {
        const { read, write } = status(reader.socket).faults
        return read + write
      }
      const before = faults()
      const [us] = await second!.pass(pass, bytes)
      return { bytesPerSecond: bytes / (us! / 1e6), faults: (faults() - before) / (bytes / PAGE) }
    })
  })
  unlink(writer.socket, name)
  return result
}

async function withNodes<T>(
  fetchAhead: number | undefined,
  memory: number,
  use: (nodes: Nodes) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  const ahead = fetchAhead === undefined ? {} : { fetchAhead }
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: 2, memory, ...ahead })
  try {
    return await use(nodes as unknown as Nodes)
  } finally {
    await stopDaemons(nodes)
    rmSync(dir, { recursive: true })
  }
}

async function floors(mebibytes: number): Promise<StreamFloors> {
  const { stdout } = await promisify(execFile)(built('stream_floors'), [String(mebibytes)])
  return JSON.parse(stdout) as StreamFloors
}

/** The bytes that the kind goes through: whole units. */
function bytesOf(kind: StreamKind, mebibytes: number): number {
  return Math.max(1, mebibytes * STREAM_AIMS[kind].share) * MEBIBYTE
}

async function main(mebibytes: number, rounds: number): Promise<StreamPlacement> {
  const found: StreamFloors[] = []
  const reads = new Map<StreamKind, Read[]>(STREAM_KINDS.map((kind) => [kind, []]))
  const failures: string[] = []
  const memory = 4 * mebibytes * MEBIBYTE
  await withNodes(undefined, memory, (usual) =>
    withNodes(0, memory, async (alone) => {
      // A round that is not counted: the daemons' JavaScript is compiled by use.
      for (let n = 0; n <= rounds; n++) {
        if (n > 0) found.push(await floors(mebibytes))
        for (const kind of STREAM_KINDS) {
          say(n === 0 ? `warming up: ${kind}` : `round ${n} of ${rounds}: ${kind}`)
          const nodes = STREAM_AIMS[kind].alone === true ? alone : usual
          const one = await read(nodes, kind, bytesOf(kind, mebibytes), `${kind}${n}`)
          if (n > 0) reads.get(kind)!.push(one)
          const { alone: isAlone, pass, unit } = STREAM_AIMS[kind]
          const isEach = isAlone === true || pass === 'random'
          const wanted = PAGE / unit
          if (isEach && one.faults < wanted)
            failures.push(`${kind}, round ${n}: ${one.faults} faults a page, not ${wanted}`)
        }
      }
      say('')
    }),
  )
  const floor = medians(found)
  const kinds = Object.fromEntries(STREAM_KINDS.map((kind) => [kind, figureOf(kind, reads.get(kind)!, floor)]))
  const { sequential, pageAtATime } = kinds as Record<StreamKind, StreamFigure>
  const ratio = sequential.bytesPerSecond.median / pageAtATime.bytesPerSecond.median
  const times = { ratio, target: TIMES_PAGE_AT_A_TIME, met: ratio >= TIMES_PAGE_AT_A_TIME }
  return { floors: floor, kinds: kinds as Record<StreamKind, StreamFigure>, times, failures }

  function figureOf(kind: StreamKind, of: readonly Read[], { tcp }: StreamFloors): StreamFigure {
    const bytesPerSecond = spread(of.map((one) => one.bytesPerSecond))
    const { target } = STREAM_AIMS[kind]
    const ratio = bytesPerSecond.median / tcp
    return {
      bytes: bytesOf(kind, mebibytes),
      bytesPerSecond,
      ratio,
      faults: spread(of.map(({ faults }) => faults)).median,
      ...(target === undefined ? {} : { target, met: ratio >= target }),
    }
  }
}

const [mebibytes, rounds] = process.argv.slice(2).map(Number) as [number, number]
process.stdout.write(`${JSON.stringify(await main(mebibytes, rounds))}\n`)
