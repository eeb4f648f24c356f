/**
 * One placement of the fault benchmark, as a program: fault-placement PAGES ROUNDS MODEL... It starts three nodes for
 * each model, measures the floors and the models in turn, round by round, and prints one JSON line.
 * fault-models.ts says what is measured.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Daemon } from '../ts/launch/daemon.js'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import { built } from '../ts/launch/paths.js'
import type { Cost } from './fault-cost.js'
import { KINDS, budgetsOf, floorOf, modelNamed, nameOf, targetOf } from './fault-models.js'
import type { BenchModel, Floors, Kind } from './fault-models.js'
import { faultRound, type Round } from './fault-round.js'
import { failuresOf } from './fault-whole.js'
import { figureOf, type Figure, type RoundCost } from './figures.js'
import { say } from './placements.js'
import { median, quantile } from './stats.js'

type ByKind<T> = Partial<Record<Kind, T>>

export interface Placement {
  floorUs: Floors
  /** By model, as `gshm ls` prints it. */
  models: Record<string, ByKind<Figure>>
  /** Why the run was not whole. */
  failures: string[]
  /** mrsw/fixed, if it is among the models. */
  usP50?: ByKind<number>
  usP90?: ByKind<number>
  spreadUs?: ByKind<Figure['spreadUs']>
  ratio?: ByKind<number>
}

const run = promisify(execFile)
/** The daemons' JavaScript is compiled by use. */
const WARM_UP_PAGES = 500

/** Of the processes that are measured, and of the floors. */
const TRAPPED = process.env['GSHM_TRAP'] === 'mprotect'

async function measureFloors(count: number): Promise<Floors> {
  const { stdout } = await run(built('fault_floors'), [String(count), ...(TRAPPED ? ['mprotect'] : [])])
  return JSON.parse(stdout) as Floors
}

interface Measured {
  readonly model: BenchModel
  readonly dir: string
  readonly nodes: readonly Daemon[]
  readonly rounds: Round[]
}

/** Daemons serve one model each: what they compile for one would not be what they compile for all. They fetch nothing ahead:
 * each fault is measured by itself. */
async function start(model: BenchModel): Promise<Measured> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: 3, memory: 2 ** 31, fetchAhead: 0 })
  return { model, dir, nodes, rounds: [] }
}

async function main(pages: number, rounds: number, models: readonly BenchModel[]): Promise<Placement> {
  const measured: Measured[] = []
  try {
    for (const model of models) measured.push(await start(model))
    const floors: Floors[] = []
    for (const { model, nodes } of measured) {
      say(`warming up ${nameOf(model)}`)
      await faultRound(nodes, model, Math.min(pages, WARM_UP_PAGES), 'warm-up')
    }
    for (let n = 0; n < rounds; n++) {
      floors.push(await measureFloors(pages))
      for (const { model, nodes, rounds: done } of measured) {
        say(`round ${n + 1} of ${rounds}: ${nameOf(model)}`)
        done.push(await faultRound(nodes, model, pages, `round-${n}`))
      }
    }
    say('')
    return placementOf(pages, measured, floors)
  } finally {
    for (const { nodes, dir } of measured) {
      await stopDaemons(nodes)
      rmSync(dir, { recursive: true })
    }
  }
}

function placementOf(pages: number, measured: readonly Measured[], rounds: readonly Floors[]): Placement {
  const names = Object.keys(rounds[0]!) as (keyof Floors)[]
  const floorUs = byKey(names, (name) => median(rounds.map((one) => one[name]))) as Floors
  const placement: Placement = { floorUs, models: {}, failures: [] }
  for (const { model, rounds: done } of measured) {
    const kinds = KINDS.filter((kind) => budgetsOf(model)[kind] !== undefined)
    const costs = (kind: Kind) => done.flatMap((round) => round[kind] ?? [])
    const figures = byKey(kinds, (kind) =>
      figureOf(costsOf(costs(kind), pages), floorOf(kind, floorUs), targetOf(kind)),
    )
    placement.models[nameOf(model)] = figures
    placement.failures.push(...done.flatMap((round, n) => failuresOf(model, round, n + 1, pages, !TRAPPED)))
    if (nameOf(model) !== 'mrsw/fixed') continue
    placement.usP50 = byKey(kinds, (kind) => figures[kind]!.p50Us)
    placement.usP90 = byKey(kinds, (kind) => median(costs(kind).map(({ us }) => quantile(us, 0.9))))
    placement.spreadUs = byKey(kinds, (kind) => figures[kind]!.spreadUs)
    placement.ratio = byKey(kinds, (kind) => figures[kind]!.ratio)
  }
  return placement
}

function costsOf(rounds: readonly Cost[], operations: number): RoundCost[] {
  return rounds.map(({ us, messages }) => ({ us, operations, messages }))
}

function byKey<K extends string, T>(keys: readonly K[], make: (key: K) => T): Partial<Record<K, T>> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Partial<Record<K, T>>
}

const [pages, rounds, ...models] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await main(Number(pages), Number(rounds), models.map(modelNamed)))}\n`)
