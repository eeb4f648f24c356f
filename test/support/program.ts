/** Programs of tests: C programs that the build has made, and Node.js files; on a node or on none. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { createInterface } from 'node:readline'
import { built } from '../../ts/launch/paths.js'

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly uid?: number
  readonly gid?: number
  /** Milliseconds after which it is killed and the promise rejected with what it had said. */
  readonly deadline?: number
  /** Text for its standard input, which is closed after it. */
  readonly input?: string
}
export interface ProgramEnd {
  /** null when a signal ended it. */
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const DEADLINE_MS = 60_000

/** The command line: Node.js for scripts (.ts with the loaders of this process), else as built. */
function commandOf(program: string, args: readonly string[]): [string, string[]] {
  if (program.endsWith('.ts')) return [process.execPath, [...process.execArgv, program, ...args]]
  if (/\.[cm]?js$/.test(program)) return [process.execPath, [program, ...args]]
  return [program.includes('/') ? program : built(program), [...args]]
}

export class Program {
  #stdout = ''
  #stderr = ''
  readonly #lines: string[] = []
  readonly #readers: ((line: string | undefined) => void)[] = []
  #closed = false
  readonly ended: Promise<ProgramEnd>

  constructor(readonly child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#line(line))
    child.stdin?.on('error', () => {}) // it ended without reading everything: its status tells
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status, signal) => {
        this.#closed = true
        for (const reader of this.#readers.splice(0)) reader(undefined)
        resolve({ status, signal, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** The next line that it prints; rejects when it ends before. */
  line(): Promise<string> {
    const ready = this.#lines.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    return new Promise((resolve, reject) => {
      const read = (line: string | undefined) => {
        if (line === undefined) reject(new Error(`${this.child.spawnfile} ended: ${this.#stdout}${this.#stderr}`))
        else resolve(line)
      }
      if (this.#closed) read(undefined)
      else this.#readers.push(read)
    })
  }

  /** Writes a line to its standard input. */
  say(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  async stop(): Promise<void> {
    if (!this.#closed) this.child.kill('SIGKILL')
    await this.ended.catch(() => {})
  }

  #line(line: string): void {
    const reader = this.#readers.shift()
    if (reader === undefined) this.#lines.push(line)
    else reader(line)
  }
}

export function startProgram(
  socket: string | undefined,
  program: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Program {
  const { env, cwd, uid, gid } = options
  const [command, words] = commandOf(program, args)
  const spawning: SpawnOptions = {
    stdio: 'pipe',
    env: { ...process.env, ...(socket === undefined ? {} : { GSHM_SOCKET: socket }), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  }
  return new Program(spawn(command, words, spawning))
}

export async function runProgram(
  socket: string | undefined,
  program: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const started = startProgram(socket, program, args, options)
  started.child.stdin?.end(options.input ?? '')
  let late = false
  const timer = setTimeout(() => {
    late = true
    started.child.kill('SIGKILL')
  }, options.deadline ?? DEADLINE_MS)
  const end = await started.ended.finally(() => clearTimeout(timer))
  if (late) throw new Error(`${program} did not end within its deadline:\n${end.stdout}${end.stderr}`)
  return end
}
