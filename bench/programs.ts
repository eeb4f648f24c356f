/** The C programs that benchmarks run on a node, each in a process of its own. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { built } from '../ts/launch/paths.js'

/** The part of a daemon that matters here. */
interface Node {
  readonly socket: string
}

const run = promisify(execFile)

async function onNode(node: Node, program: string, ...args: (string | number)[]): Promise<string> {
  const env = { ...process.env, GSHM_SOCKET: node.socket }
  return (await run(built(program), args.map(String), { env, maxBuffer: 1 << 26 })).stdout
}

/** Makes a segment that stays when its maker has ended. */
export async function createSegment(node: Node, name: string, bytes: number): Promise<void> {
  await onNode(node, 'segment_create', name, bytes)
}

/** Seconds that a process takes to open the segment and to map all of it. */
export async function openAndMap(node: Node, name: string): Promise<number> {
  return Number(await onNode(node, 'segment_open', name))
}

/** Touches pages `first`, `first + stride`, ...; gives the latencies of each pass (read or write) in microseconds. */
export async function touch(
  node: Node,
  name: string,
  first: number,
  stride: number,
  count: number,
  ...passes: ('read' | 'write')[]
): Promise<number[][]> {
  const output = await onNode(node, 'fault_touch', name, first, stride, count, ...passes)
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as number[])
}

/** Writes pages as touch does, in a process that keeps its view until it is told to leave. */
export async function touchAndStay(
  node: Node,
  name: string,
  first: number,
  stride: number,
  count: number,
): Promise<() => Promise<void>> {
  const args = [name, first, stride, count, 'write', 'stay'].map(String)
  const child = spawn(built('fault_touch'), args, {
    env: { ...process.env, GSHM_SOCKET: node.socket },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  await Promise.race([once(lines, 'line'), ended.then(() => Promise.reject(new Error('fault_touch has ended')))])
  return async () => {
    child.stdin.end()
    await ended
  }
}
