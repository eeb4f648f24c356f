/** The C programs that benchmarks run on a node, each in a process of its own. */
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { built } from '../ts/launch/paths.js'

/** The part of a daemon that matters here. */
interface Node {
  readonly socket: string
}

const run = promisify(execFile)

function environment(node: Node): NodeJS.ProcessEnv {
  return { ...process.env, GSHM_SOCKET: node.socket }
}

async function onNode(node: Node, program: string, ...args: (string | number)[]): Promise<string> {
  return (await run(built(program), args.map(String), { env: environment(node), maxBuffer: 1 << 26 })).stdout
}

/** Makes a segment that stays when its maker has ended. @param home of all its pages */
export async function createSegment(
  node: Node,
  name: string,
  bytes: number,
  model?: { readonly consistency: string; readonly manager: string },
  home?: number,
): Promise<void> {
  const options = model === undefined ? [] : [model.consistency, model.manager]
  await onNode(node, 'segment_create', name, bytes, ...options, ...(home === undefined ? [] : [home]))
}

/** Seconds that a process takes to open the segment and to map all of it. */
export async function openAndMap(node: Node, name: string): Promise<number> {
  return Number(await onNode(node, 'segment_open', name))
}

export type PassName = 'read' | 'write' | 'release' | 'acquire'

/** A process that has a segment open and mapped, and touches its pages when told to (bench/fault_touch.c). */
export class Toucher {
  readonly #ended: Promise<unknown>
  readonly #lines: AsyncIterator<string>

  private constructor(private readonly child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#ended = once(child, 'close')
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** Resolves when it has the segment mapped. */
  static async start(node: Node, segment: string): Promise<Toucher> {
    const stdio: ['pipe', 'pipe', 'inherit'] = ['pipe', 'pipe', 'inherit']
    const toucher = new Toucher(spawn(built('fault_touch'), [segment], { env: environment(node), stdio }))
    await toucher.#line()
    return toucher
  }

  /**
   * Goes through pages `first`, `first + stride`, ...
   * @returns each one's latency in microseconds; page faults of its thread, as the kernel counts them
   */
  async pass(what: PassName, first: number, stride: number, count: number): Promise<{ us: number[]; faults: number }> {
    this.child.stdin.write(`${what} ${first} ${stride} ${count}\n`)
    return JSON.parse(await this.#line()) as { us: number[]; faults: number }
  }

  async #line(): Promise<string> {
    const line = await this.#lines.next()
    if (line.done === true) throw new Error('fault_touch has ended')
    return line.value
  }

  /** Its view goes, and what it has written is known. */
  async leave(): Promise<void> {
    this.child.stdin.end()
    await this.#ended
  }
}

/** One pass of a process that does nothing else. */
export async function touch(
  node: Node,
  segment: string,
  what: PassName,
  first: number,
  stride: number,
  count: number,
): Promise<void> {
  await onNode(node, 'fault_touch', segment, what, first, stride, count)
}
