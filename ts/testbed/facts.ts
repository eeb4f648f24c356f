/** The facts of ts/facts against the kernel that runs: native/testbed/facts.c does what they say. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { GshmError } from '../base/errors.js'
import { contradiction } from '../facts/script.js'
import { FACTS } from '../facts/table.js'
import { built } from '../launch/paths.js'

/** The kernel, as someone who can be asked operations; `work` has it to itself. */
export async function withKernel<T>(work: (ask: (operation: string) => Promise<string>) => Promise<T>): Promise<T> {
  const child = spawn(built('facts'), { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  ended.catch(() => {}) // whoever asks is told
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  child.stdin.on('error', () => {}) // it has ended: the missing answer tells
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (operation: string) => {
    child.stdin.write(`${operation}\n`)
    const line = await lines.next()
    if (line.done !== true) return line.value
    await ended
    throw new GshmError('SYSTEM', `${operation}: ${complaint.trim() || 'the experiments ended without an answer'}`)
  }
  try {
    return await work(ask)
  } finally {
    child.stdin.end()
    await ended
  }
}

export interface Finding {
  readonly name: string
  readonly claim: string
  readonly ok: boolean
  /** The first operation that was answered otherwise than the claim has it; empty when ok. */
  readonly seen: string
}

/** All facts, in order. A fact at which the experiments themselves end does not hold. */
export async function findings(facts = FACTS): Promise<Finding[]> {
  const found: Finding[] = []
  while (found.length < facts.length) {
    await withKernel(async (ask) => {
      for (const each of facts.slice(found.length)) {
        const failed = (error: Error) => error
        const seen = await contradiction(each, ask).catch(failed)
        const text = seen instanceof Error ? seen.message : (seen ?? '')
        found.push({ name: each.name, claim: each.claim, ok: seen === undefined, seen: text })
        if (seen instanceof Error) return
      }
    })
  }
  return found
}
