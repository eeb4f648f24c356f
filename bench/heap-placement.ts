/**
 * One placement of the heap benchmark, as a program: heap-placement COUNT ROUNDS. It starts three nodes, measures
 * the floors and every kind in turn, round by round, and prints one JSON line.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Daemon } from '../ts/launch/daemon.js'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import { built, compiled } from '../ts/launch/paths.js'
import { systemCalls } from './calls.js'
import { settled } from './fault-cost.js'
import { figureOf, medians, wrongWith, type Figure, type RoundCost } from './figures.js'
import { BATCH, HEAP_AIMS, HEAP_KINDS, type HeapFloors, type HeapKind } from './heap-kinds.js'
import { say } from './placements.js'
import { createSegment } from './programs.js'
import { median } from './stats.js'
import { Worker, withWorkers } from './worker.js'

export interface HeapPlacement {
  floorUs: HeapFloors
  kinds: Record<HeapKind, Figure>
  /** Of the thread, for one alloc and free as `small` makes them. */
  smallCalls: number
  /** Why the run was not whole. */
  failures: string[]
}

const SEGMENT = 'heap'
const SEGMENT_BYTES = 64 * 2 ** 20
/** Samples that are not counted: the daemons' JavaScript is compiled by use, and caches are filled. */
const WARM_UP = 20

type Nodes = readonly [Daemon, Daemon, Daemon]

/** Where the processes of a kind run. */
function workersOf([, b, c]: Nodes, kind: HeapKind): Promise<Worker>[] {
  const onNode = (node: Daemon) => Worker.start(node, [built('heap_worker'), SEGMENT])
  if (kind === 'parallel') return [b, b, c, c].map(onNode)
  if (kind !== 'smallSync') return [onNode(b)]
  return [Worker.start(b, [process.execPath, compiled('bench/heap-client.js'), SEGMENT])]
}

async function measure(nodes: Nodes, kind: HeapKind, count: number): Promise<RoundCost> {
  const { pass } = HEAP_AIMS[kind]
  return withWorkers(workersOf(nodes, kind), async (workers) => {
    const all = (samples: number) => Promise.all(workers.map((worker) => worker.pass(pass, samples)))
    await all(Math.min(count, WARM_UP))
    const before = await settled(nodes)
    const us = (await all(count)).flat()
    const after = await settled(nodes)
    return { us, operations: us.length * BATCH, messages: after.sent - before.sent }
  })
}

function measureFloors(count: number): Promise<HeapFloors> {
  return withWorkers([Worker.start(undefined, [built('heap_worker'), 'malloc'])], async ([worker]) => {
    const p50 = async (pass: keyof HeapFloors) => {
      await worker!.pass(pass, Math.min(count, WARM_UP))
      return median(await worker!.pass(pass, count))
    }
    return { small: await p50('small'), mix: await p50('mix'), large: await p50('large') }
  })
}

async function main(count: number, rounds: number): Promise<HeapPlacement> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: 3, memory: 2 ** 28 })
  const floors: HeapFloors[] = []
  const costs = new Map<HeapKind, RoundCost[]>(HEAP_KINDS.map((kind) => [kind, []]))
  const failures: string[] = []
  let smallCalls = 0
  try {
    const [first] = nodes as [Daemon]
    await createSegment(first, SEGMENT, SEGMENT_BYTES, { consistency: 'mrsw', manager: 'fixed' }, first.node)
    for (let n = 1; n <= rounds; n++) {
      floors.push(await measureFloors(count))
      for (const kind of HEAP_KINDS) {
        say(`round ${n} of ${rounds}: ${kind}`)
        const cost = await measure(nodes as unknown as Nodes, kind, count)
        costs.get(kind)!.push(cost)
        const { messages, more } = HEAP_AIMS[kind]
        const wrong = wrongWith(cost, kind === 'parallel' ? 4 * count : count, messages, more)
        failures.push(...wrong.map((why) => `${kind}, round ${n}: ${why}`))
      }
    }
    const command = [built('heap_worker'), SEGMENT]
    smallCalls = (await systemCalls(nodes[1]!, join(dir, 'calls'), command, 'small')) / BATCH
    if (smallCalls !== 0) failures.push(`small: ${smallCalls} system calls`)
    say('')
  } finally {
    await stopDaemons(nodes)
    rmSync(dir, { recursive: true })
  }
  const floorUs = medians(floors)
  const figures = HEAP_KINDS.map((kind) => {
    const { pass, target } = HEAP_AIMS[kind]
    return [kind, figureOf(costs.get(kind)!, floorUs[pass], target)] as const
  })
  return { floorUs, kinds: Object.fromEntries(figures) as Record<HeapKind, Figure>, smallCalls, failures }
}

const [count, rounds] = process.argv.slice(2).map(Number) as [number, number]
process.stdout.write(`${JSON.stringify(await main(count, rounds))}\n`)
