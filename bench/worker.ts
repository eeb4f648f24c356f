/** A process of a benchmark on a node: it says `ready`, then makes a pass whenever it is told to. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export class Worker {
  readonly #ended: Promise<unknown>
  readonly #lines: AsyncIterator<string>

  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly what: string,
  ) {
    this.#ended = once(child, 'close')
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** Resolves when it is ready. @param command the program and its arguments */
  static async start(
    node: { readonly socket: string } | undefined,
    command: readonly (string | number)[],
  ): Promise<Worker> {
    const [program, ...args] = command.map(String)
    const env = node === undefined ? process.env : { ...process.env, GSHM_SOCKET: node.socket }
    const child = spawn(program!, args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
    const worker = new Worker(child, command.join(' '))
    await worker.#line()
    return worker
  }

  /** @returns latencies in microseconds */
  async pass(...words: (string | number)[]): Promise<number[]> {
    this.child.stdin.write(`${words.join(' ')}\n`)
    return (JSON.parse(await this.#line()) as { us: number[] }).us
  }

  async #line(): Promise<string> {
    const line = await this.#lines.next()
    if (line.done === true) throw new Error(`${this.what} has ended`)
    return line.value
  }

  async leave(): Promise<void> {
    this.child.stdin.end()
    await this.#ended
  }
}

/** Starts all, uses them, and has them leave. */
export async function withWorkers<T>(
  starting: readonly Promise<Worker>[],
  use: (workers: Worker[]) => Promise<T>,
): Promise<T> {
  const workers = await Promise.all(starting)
  try {
    return await use(workers)
  } finally {
    for (const worker of workers) await worker.leave()
  }
}
