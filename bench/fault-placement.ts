/**
 * One placement of the fault benchmark, as a program: fault-placement PAGES ROUNDS. It starts three
 * nodes, measures the floors and our figures in turn, round by round, and prints one JSON line.
 *
 *   local    first write to a fresh page whose home is the faulting node
 *   upgrade  write to a page that is readable on the faulting node, its home, and nowhere else
 *   remote2  read of a page whose home and owner is another node
 *   remote3  read of a page whose home is one other node and whose owner is a third
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PAGE_SIZE } from '../ts/base/ids.js'
import { segments, unlink } from '../ts/client/inspect.js'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import type { Daemon } from '../ts/launch/daemon.js'
import { built } from '../ts/launch/paths.js'
import { createSegment, touch, touchAndStay } from './programs.js'
import { median, quantile, spread } from './stats.js'

const KINDS = ['local', 'upgrade', 'remote2', 'remote3'] as const
type Kind = (typeof KINDS)[number]
type Floors = { missing: number; minor: number; wp: number; tcp: number }

export interface Placement {
  floorUs: Floors
  usP50: Record<Kind, number>
  usP90: Record<Kind, number>
  /** Of the rounds' medians. */
  spreadUs: Record<Kind, { median: number; min: number; max: number }>
  /** local against missing, upgrade against wp, remote against missing + tcp. */
  ratio: Record<Kind, number>
}

const run = promisify(execFile)

async function floors(count: number): Promise<Floors> {
  const { stdout } = await run(built('fault_floors'), [String(count)])
  return JSON.parse(stdout) as Floors
}

async function round(nodes: readonly Daemon[], pages: number, name: string): Promise<Record<Kind, number[]>> {
  const [a, b, c] = nodes as [Daemon, Daemon, Daemon]
  await createSegment(a, name, pages * 3 * 4 * PAGE_SIZE)
  const segment = segments(a.socket).find((one) => one.name === name)!
  // homes[p % 3] is page p's home; four blocks of 3 * pages pages, one for each kind
  const at = (block: number, home: number) => block * pages * 3 + segment.homes.indexOf(home)
  const [local] = await touch(a, name, at(0, a.node), 3, pages, 'write')
  const [, upgrade] = await touch(a, name, at(1, a.node), 3, pages, 'read', 'write')
  // The owners live on, so that taking the page includes taking their right to write it.
  const owners = [
    await touchAndStay(b, name, at(2, b.node), 3, pages),
    await touchAndStay(c, name, at(3, b.node), 3, pages),
  ]
  const [remote2] = await touch(a, name, at(2, b.node), 3, pages, 'read')
  const [remote3] = await touch(a, name, at(3, b.node), 3, pages, 'read')
  for (const leave of owners) await leave()
  unlink(a.socket, name)
  return { local: local!, upgrade: upgrade!, remote2: remote2!, remote3: remote3! }
}

function perKind<T>(make: (kind: Kind) => T): Record<Kind, T> {
  return Object.fromEntries(KINDS.map((kind) => [kind, make(kind)])) as Record<Kind, T>
}

async function main(pages: number, rounds: number): Promise<Placement> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: 3, memory: 2 ** 31 })
  try {
    const floorRounds: Floors[] = []
    const ours: Record<Kind, number[]>[] = []
    await round(nodes, Math.min(pages, 500), 'warm-up') // the daemons' JavaScript is compiled by use
    for (let n = 0; n < rounds; n++) {
      process.stderr.write(`\rround ${n + 1} of ${rounds}`)
      floorRounds.push(await floors(pages))
      ours.push(await round(nodes, pages, `round-${n}`))
    }
    process.stderr.write('\r                    \r')
    const floor = (kind: keyof Floors) => median(floorRounds.map((one) => one[kind]))
    const floorUs = { missing: floor('missing'), minor: floor('minor'), wp: floor('wp'), tcp: floor('tcp') }
    const spreadUs = perKind((kind) => spread(ours.map((one) => median(one[kind]))))
    const usP50 = perKind((kind) => spreadUs[kind].median)
    const remote = floorUs.missing + floorUs.tcp
    const against = { local: floorUs.missing, upgrade: floorUs.wp, remote2: remote, remote3: remote }
    return {
      floorUs,
      usP50,
      usP90: perKind((kind) => median(ours.map((one) => quantile(one[kind], 0.9)))),
      spreadUs,
      ratio: perKind((kind) => usP50[kind] / against[kind]),
    }
  } finally {
    await stopDaemons(nodes.map((node) => ({ ...node })))
    rmSync(dir, { recursive: true })
  }
}

const [pages, rounds] = process.argv.slice(2).map(Number)
process.stdout.write(`${JSON.stringify(await main(pages!, rounds!))}\n`)
