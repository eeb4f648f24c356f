/**
 * Real clusters for tests: gshmd processes in a private runtime directory that goes with the test.
 *
 *   const cluster = await startCluster(t, 3)
 *   const { status, stdout } = await cluster.run(1, 'my_program', ['arg'])   // C: test/programs/my_program.c
 *
 * When the test ends everything is stopped, and the test fails if a process, keeper, socket or
 * memfd of the cluster is left. When the test is killed its daemons end with it (watchdog.ts).
 * Programs are built by `npm run build` (native/build.json "programs").
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDaemon, type Daemon, type DaemonOptions } from '../../ts/launch/daemon.js'
import { dismiss, memfds } from '../../ts/launch/guardians.js'
import { stopDaemons } from '../../ts/launch/local-cluster.js'
import { socketPath } from '../../ts/launch/paths.js'
import { leftovers } from './leftovers.js'
import { runProgram, startProgram, type Program, type ProgramOptions, type ProgramEnd } from './program.js'
import { Watchdog } from './watchdog.js'

/** The part of a tap test that is used here. */
interface Test {
  readonly name: string
  teardown(end: () => Promise<void> | void): void
  fail(message: string): boolean
}
export type NodeOptions = Partial<Omit<DaemonOptions, 'socket' | 'log' | 'background'>>

const MEMORY = 256 * 2 ** 20

export class TestCluster {
  readonly daemons: Daemon[] = []
  readonly #programs: Program[] = []
  readonly #inodes = new Set<number>()
  readonly #watchdog: Watchdog

  constructor(
    readonly dir: string,
    readonly cluster: string,
  ) {
    this.#watchdog = new Watchdog(dir)
  }

  /** One more node; it joins the first unless the options say otherwise. */
  async add(options: NodeOptions = {}): Promise<Daemon> {
    const name = options.name ?? `node${this.daemons.length}`
    const first = this.daemons[0]
    const daemon = await startDaemon({
      cluster: this.cluster,
      name,
      memory: MEMORY,
      socket: socketPath(this.dir, name),
      log: join(this.dir, `${name}.log`),
      ...(first === undefined ? {} : { join: first.listen }),
      ...options,
    })
    this.#watchdog.add(daemon.pid)
    this.daemons.push(daemon)
    return daemon
  }

  daemon(node: number): Daemon {
    const daemon = this.daemons[node]
    if (daemon === undefined) throw new Error(`the test's cluster has no node ${node}`)
    return daemon
  }
  socket(node: number): string {
    return this.daemon(node).socket
  }
  log(node: number): string {
    return readFileSync(this.daemon(node).log, 'utf8')
  }

  /** Runs a program on a node to its end: a C program by its name, a .js, .ts or .mjs file by node. */
  run(node: number, program: string, args: readonly string[] = [], options: ProgramOptions = {}): Promise<ProgramEnd> {
    return runProgram(this.socket(node), program, args, options)
  }
  /** Starts one that is spoken to while it runs; it is ended with the cluster. */
  start(node: number, program: string, args: readonly string[] = [], options: ProgramOptions = {}): Program {
    const started = startProgram(this.socket(node), program, args, options)
    this.#programs.push(started)
    return started
  }

  /** kill -9 of a daemon, its keeper left to do its work. */
  async kill(node: number): Promise<void> {
    const { child } = this.daemon(node)
    this.#note()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** Stops everything; gives what is left of it, which should be nothing. */
  async stop(): Promise<string[]> {
    this.#note()
    for (const program of this.#programs) await program.stop()
    const { killed, guarded } = await stopDaemons(this.daemons)
    const complaints = [...killed, ...guarded].map(
      (d) => `${d.name} or its keeper did not leave by itself: ${readFileSync(d.log, 'utf8').slice(-2000)}`,
    )
    await dismiss(guarded)
    await this.#watchdog.stop()
    const pids = this.daemons.flatMap((d) => [d.pid, d.keeperPid])
    const left = leftovers(this.dir, pids, this.#inodes)
    rmSync(this.dir, { recursive: true, force: true })
    return [...complaints, ...left]
  }

  #note(): void {
    for (const { pid, keeperPid } of this.daemons) {
      for (const inode of [...memfds(pid), ...memfds(keeperPid)]) this.#inodes.add(inode)
    }
  }
}

let serial = 0

/** A cluster of `nodes` daemons that ends with the test. */
export async function startCluster(t: Test, nodes: number, options: NodeOptions = {}): Promise<TestCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-test-'))
  const cluster = new TestCluster(dir, options.cluster ?? `test-${process.pid}-${serial++}`)
  t.teardown(async () => {
    const left = await cluster.stop()
    if (left.length > 0) t.fail(`the cluster of '${t.name}' left behind:\n${left.join('\n')}`)
  })
  for (let n = 0; n < nodes; n++) await cluster.add(options)
  return cluster
}

/** A cluster of one node. */
export function startNode(t: Test, options: NodeOptions = {}): Promise<TestCluster> {
  return startCluster(t, 1, options)
}
