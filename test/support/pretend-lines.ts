/**
 * What daemons and processes do about the lines of direct barriers (ts/sync/direct.ts), as one barrier's test needs it:
 * plain data. A thread that goes to a direct barrier is noted here only. An episode gets over for all at once, and for
 * nobody any more when the root's line is closed; only then does who waits learn that it ends.
 */
import type { LineEffect } from '../../ts/sync/index.js'

/** A process's end of it, on its node. */
interface End {
  readonly process: number
  made: boolean
  /** It is broken, or must not be used for another reason. */
  unfit: boolean
  /** It has been told that the barrier is direct. */
  stands: boolean
  /** asked: and to be answered; done: or its process has ended, or it has parted by itself. */
  part: 'no' | 'asked' | 'done'
}
export interface Line {
  readonly number: number
  readonly count: number
  readonly root: number
  readonly nodes: readonly number[]
  /** By node. */
  readonly ends: Record<number, End>
  /** No episode gets over any more. */
  closed: boolean
  /** By node, the threads that wait there. */
  waits: Record<number, number>
}

/** @param stands has the process been told that the barrier is direct? */
export function lineEffect(lines: Line[], node: number, effect: LineEffect, stands: boolean): void {
  const { number, count } = effect
  let line = lines.find((one) => one.number === number)
  if (effect.do === 'Introduce') {
    const { process, root, peers } = effect
    const nodes = [root, ...peers]
    line ??= { number, count, root, nodes, ends: {}, closed: false, waits: {} }
    if (line.root !== root || line.nodes.join() !== nodes.join()) throw new Error('nodes differ about an offer')
    if (node in line.ends) throw new Error(`node ${node} is introduced twice`)
    line.ends[node] = { process, made: false, unfit: false, stands: false, part: 'no' }
    if (!lines.includes(line)) lines.push(line)
    return
  }
  const end = line?.ends[node]
  if (line === undefined || end?.part !== 'no')
    throw new Error(`node ${node} is to part what it has not, or has parted`)
  end.part = stands ? 'asked' : 'done'
  if (node === line.root) line.closed = true
}

/** The process is told that the barrier is direct. */
export function stands(lines: readonly Line[], node: number, number: number): void {
  const end = lines.find((line) => line.number === number)?.ends[node]
  if (end === undefined) throw new Error(`node ${node} is direct without lines`)
  if (!end.made) throw new Error(`node ${node} is direct before its lines are made`)
  end.stands = true
}

/** By which the process meets the others next time. */
export function lineOf(lines: readonly Line[], node: number, process: number, count: number): Line | undefined {
  return lines.find((line) => {
    const end = line.ends[node]
    return end?.process === process && end.stands && end.part === 'no' && !line.closed && line.count === count
  })
}

/** Who goes on, as this one comes; undefined: it waits. */
export function meets(line: Line, node: number, thread: number): number[] | undefined {
  line.waits[node] = thread
  const threads = Object.values(line.waits)
  if (threads.length < line.nodes.length) return undefined
  line.waits = {}
  return threads
}

/** By which the thread waits. */
export function waitsBy(lines: readonly Line[], thread: number): Line | undefined {
  return lines.find(({ waits }) => Object.values(waits).includes(thread))
}

/** Of those ends, nothing is left. @returns threads that wait with one of them, which can be any that has not parted */
export function ended(lines: readonly Line[], isIt: (node: number, end: End) => boolean): number[] {
  const forsaken: number[] = []
  for (const line of lines) {
    for (const [at, end] of Object.entries(line.ends)) {
      const node = Number(at)
      if (!isIt(node, end) || end.part === 'done') continue
      end.part = 'done'
      delete line.waits[node]
      if (node === line.root) line.closed = true
      if (end.stands) forsaken.push(...Object.values(line.waits))
    }
  }
  return forsaken
}
