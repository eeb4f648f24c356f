/**
 * A client under the test's control: test/programs/probe.c, or probe-client.ts, which speaks the
 * same commands through the TypeScript API. Every command resolves with what the client answered;
 * nothing here waits by time.
 *
 *   const p = await Probe.start(socket)
 *   const at = await p.ok('map', segment, 0, 0, 0)
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { compiled } from '../../ts/launch/paths.js'
import { buildDir } from '../../ts/project/index.js'

/** Which API the client uses. */
export type Api = 'C' | 'TypeScript'

export type Reply =
  | { readonly is: 'ok'; readonly text: string }
  | { readonly is: 'err'; readonly errno: number; readonly text: string }
  | { readonly is: 'sigbus' }
  /** The process ended before it answered. */
  | { readonly is: 'ended' }

/** The socket that a probe and its forked children connect to. */
class Control {
  readonly #waiting = new Map<number, (client: Probe) => void>()
  readonly #arrived = new Map<number, Probe>()
  readonly dir = mkdtempSync(join(tmpdir(), 'gshm-probe-'))
  readonly path = join(this.dir, 'control')
  #users = 0

  private constructor(readonly server: Server) {}

  static async open(): Promise<Control> {
    const server = createServer()
    const control = new Control(server)
    server.on('connection', (socket) => control.#accept(socket))
    server.listen(control.path)
    await once(server, 'listening')
    // A child of a probe that has become another user connects, too.
    chmodSync(control.dir, 0o711)
    chmodSync(control.path, 0o666)
    return control
  }

  client(pid: number): Promise<Probe> {
    const arrived = this.#arrived.get(pid)
    if (arrived !== undefined) return Promise.resolve(arrived)
    return new Promise((resolve) => this.#waiting.set(pid, resolve))
  }

  #accept(socket: Socket): void {
    this.#users++
    socket.on('error', () => {}) // a killed probe resets: 'close' follows
    socket.on('close', () => --this.#users === 0 && this.#end())
    const lines = createInterface({ input: socket })
    lines.on('error', () => {}) // the socket's: 'close' follows
    lines.once('line', (line) => {
      const pid = Number(/^hello (\d+)$/.exec(line)?.[1])
      const probe = new Probe(this, socket, pid)
      lines.on('line', (reply) => probe.take(reply))
      this.#arrived.set(pid, probe)
      this.#waiting.get(pid)?.(probe)
    })
  }

  #end(): void {
    this.server.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export class Probe {
  readonly #pending = new Map<number, (reply: Reply) => void>()
  #next = 1
  child: ChildProcess | undefined
  /** Of the words that it is sent; latin1 sends bytes. */
  encoding: BufferEncoding = 'utf8'

  constructor(
    private readonly control: Control,
    private readonly socket: Socket,
    readonly pid: number,
  ) {
    socket.on('close', () => {
      for (const resolve of this.#pending.values()) resolve({ is: 'ended' })
      this.#pending.clear()
    })
  }

  /**
   * Starts a probe; `attach` is sent at once when a node's socket is given.
   * @param through words to begin its command with, which must end by exec
   */
  static async start(
    node?: string,
    env: NodeJS.ProcessEnv = {},
    api: Api = 'C',
    through: readonly string[] = [],
  ): Promise<Probe> {
    const control = await Control.open()
    // As it was compiled: loading the compiler would take longer than most tests.
    const program =
      api === 'C' ? [join(buildDir(), 'probe')] : [process.execPath, compiled('test/support/probe-client.js')]
    const [command = '', ...words] = [...through, ...program, control.path]
    const child = spawn(command, words, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    })
    if (child.pid === undefined) throw new Error('probe did not start')
    const probe = await control.client(child.pid)
    probe.child = child
    if (node !== undefined) await probe.ok('attach', node)
    return probe
  }

  /** Sends a command and gives its reply, whatever it is. */
  send(...words: (string | number | bigint)[]): Promise<Reply> {
    const id = this.#next++
    return new Promise((resolve) => {
      if (this.socket.destroyed) return resolve({ is: 'ended' })
      this.#pending.set(id, resolve)
      this.socket.write(`${id} ${words.join(' ')}\n`, this.encoding)
    })
  }

  /** As send, in a thread of its own. */
  thread(...words: (string | number | bigint)[]): Promise<Reply> {
    return this.send('&', ...words)
  }

  /** Sends a command that must succeed and gives its number. */
  async ok(...words: (string | number | bigint)[]): Promise<bigint> {
    const reply = await this.send(...words)
    if (reply.is !== 'ok') throw new Error(`probe: ${words.join(' ')}: ${JSON.stringify(reply)}`)
    return BigInt(reply.text.split(' ')[0]!)
  }

  /** Forks it; the child attaches by itself. 'rawfork': a clone that libgshm does not see;
   * 'unguarded': its fork event is read, and its userfaultfd closed, by nobody who would serve it. */
  async fork(how: 'fork' | 'rawfork' | 'unguarded' = 'fork'): Promise<Probe> {
    return this.control.client(Number(await this.ok(how)))
  }

  /** Ends the process with a signal, if it has not ended, and waits until the kernel says so. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child, socket } = this
    const running = child !== undefined && child.exitCode === null && child.signalCode === null
    // Not `once`, which rejects when the socket is reset.
    const closed = socket.destroyed ? undefined : new Promise((resolve) => socket.once('close', resolve))
    const ended = running ? once(child, 'exit') : undefined
    if (running || (child === undefined && closed !== undefined)) process.kill(this.pid, signal)
    await Promise.all([closed, ended])
  }

  take(line: string): void {
    const match = /^(\d+) (ok|err|sigbus) ?(.*)$/.exec(line)
    const resolve = this.#pending.get(Number(match?.[1]))
    if (match === null || resolve === undefined) throw new Error(`probe said: ${line}`)
    this.#pending.delete(Number(match[1]))
    const text = match[3]!
    if (match[2] === 'ok') resolve({ is: 'ok', text })
    else if (match[2] === 'sigbus') resolve({ is: 'sigbus' })
    else resolve({ is: 'err', errno: parseInt(text, 10), text: text.replace(/^\d+ /, '') })
  }
}
