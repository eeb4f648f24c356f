/**
 * The fault benchmark: what a page fault costs here against what the kernel and C alone cost, in
 * one run, in two placements: everything pinned to one CPU (what the code costs) and free (how many
 * sleeps and wake-ups the path has). `ok` says that the run was whole, not that it was fast.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { compiled } from '../ts/launch/paths.js'
import type { Placement } from './fault-placement.js'

export interface FaultBenchmark {
  ok: boolean
  pages: number
  rounds: number
  pinned: Placement
  free: Placement
}

/** How many times the floor a fault may take (the project's own target, shown beside the ratio). */
const TARGETS = { local: 1.6, upgrade: 1.6, remote2: 3, remote3: 3 } as const

export async function faultBenchmark(pages: number, rounds: number): Promise<FaultBenchmark> {
  const pinned = await measure('pinned', pages, rounds)
  const free = await measure('free', pages, rounds)
  for (const [name, placement] of Object.entries({ pinned, free })) print(name, placement)
  return { ok: true, pages, rounds, pinned, free }
}

/** A process of its own, because a placement is inherited by everything that it starts. */
async function measure(placement: 'pinned' | 'free', pages: number, rounds: number): Promise<Placement> {
  const script = [process.execPath, compiled('bench/fault-placement.js'), String(pages), String(rounds)]
  const [command, ...args] = placement === 'pinned' ? ['taskset', '-c', '0', ...script] : script
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`the ${placement} run ended with status ${status}`)
  return JSON.parse(output.trim().split('\n').at(-1)!) as Placement
}

function print(name: string, { floorUs, usP50, ratio, spreadUs }: Placement): void {
  const floors = Object.entries(floorUs).map(([kind, us]) => `${kind} ${us.toFixed(1)}`)
  process.stderr.write(`\n${name}: C floors, us p50: ${floors.join(', ')}\n`)
  for (const kind of ['local', 'upgrade', 'remote2', 'remote3'] as const) {
    const { min, max } = spreadUs[kind]
    const range = `${min.toFixed(1)}..${max.toFixed(1)}`.padStart(14)
    const times = `${ratio[kind].toFixed(2)} x floor (target ${TARGETS[kind]})`
    process.stderr.write(`  ${kind.padEnd(8)} ${usP50[kind].toFixed(1).padStart(7)} us ${range}   ${times}\n`)
  }
}
