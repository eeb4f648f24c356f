/**
 * One placement of the benchmark of synchronisation, as a program: sync-placement COUNT ROUNDS KIND.... It starts four
 * nodes, measures the floors and those kinds in turn, round by round, and prints one JSON line.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import { built } from '../ts/launch/paths.js'
import { figureOf, medians, wrongWith, type Figure, type RoundCost } from './figures.js'
import { say } from './placements.js'
import { SYNC_AIMS, type SyncFloors, type SyncKind } from './sync-kinds.js'
import { SyncRound } from './sync-round.js'

export interface SyncPlacement {
  floorUs: SyncFloors
  kinds: Partial<Record<SyncKind, Figure>>
  /** Of the thread, for one lock and unlock as `relock` makes them; only when that is measured. */
  relockCalls?: number
  /** Why the run was not whole. */
  failures: string[]
}

const NODES = 4
/** The daemons' JavaScript is compiled by use. */
const WARM_UP_COUNT = 2000

async function main(count: number, rounds: number, kinds: readonly SyncKind[]): Promise<SyncPlacement> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: NODES, memory: 2 ** 28 })
  const floors: SyncFloors[] = []
  const costs = new Map<SyncKind, RoundCost[]>(kinds.map((kind) => [kind, []]))
  const failures: string[] = []
  let relockCalls: number | undefined
  try {
    const warmUp = new SyncRound(nodes, dir, Math.min(count, WARM_UP_COUNT), 'warm-up', true)
    for (const kind of kinds) {
      say(`warming up: ${kind}`)
      await warmUp.measure(kind)
    }
    for (let n = 1; n <= rounds; n++) {
      const { stdout } = await promisify(execFile)(built('sync_floors'), [String(count)])
      floors.push(JSON.parse(stdout) as SyncFloors)
      const round = new SyncRound(nodes, dir, count, `round-${n}`)
      for (const kind of kinds) {
        say(`round ${n} of ${rounds}: ${kind}`)
        const cost = await round.measure(kind)
        costs.get(kind)!.push(cost)
        const { messages, more } = SYNC_AIMS[kind]
        const wrong = wrongWith(cost, round.samples(kind), messages, more)
        failures.push(...wrong.map((why) => `${kind}, round ${n}: ${why}`))
      }
    }
    if (kinds.includes('relock')) relockCalls = await new SyncRound(nodes, dir, count, 'calls').relockCalls()
    if (relockCalls !== undefined && relockCalls !== 0) failures.push(`relock: ${relockCalls} system calls`)
    say('')
  } finally {
    await stopDaemons(nodes)
    rmSync(dir, { recursive: true })
  }
  const floorUs = medians(floors)
  const figures = kinds.map((kind) => {
    const { floor, target } = SYNC_AIMS[kind]
    return [kind, figureOf(costs.get(kind)!, floorUs[floor], target)] as const
  })
  const calls = relockCalls === undefined ? {} : { relockCalls }
  return { floorUs, kinds: Object.fromEntries(figures), ...calls, failures }
}

const [count, rounds, ...kinds] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await main(Number(count), Number(rounds), kinds as SyncKind[]))}\n`)
