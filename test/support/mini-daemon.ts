/**
 * The least daemon that can serve test/programs/raw_client.c: it answers the device protocol, and
 * leaves every fault and event to the test, which takes them one by one and changes access itself.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  FaultKind,
  native,
  RECORD_WIDTH,
  type DeviceChannel,
  type DeviceRequest,
  type FaultBatch,
  type FaultChannel,
  type Frames,
} from '../../ts/native/index.js'
import { startProgram, type Program } from './program.js'

export const PAGE = 4096
const ID = 1
const SEGMENT = 7

export interface Event {
  readonly channel: number
  readonly kind: keyof typeof FaultKind
  /** Byte offset in the view; fork: 0. */
  readonly at: number
  /** As in FaultBatch, but a remap's target and an end are byte offsets in the view, too. */
  readonly extra: number
  readonly last: number
}

const KINDS = Object.keys(FaultKind) as (keyof typeof FaultKind)[]

export class MiniDaemon {
  readonly dir = mkdtempSync(join(tmpdir(), 'gshm-native-'))
  readonly socket = join(this.dir, 'device')
  readonly frames: Frames
  readonly poll = new native.FaultPoll((records, count) => this.#take(records, count))
  readonly #listener = new native.DeviceListener(this.socket, {
    connect: () => {},
    request: (channel, request, fds) => this.#request(channel, request, fds),
    malformed: (_channel, why) => this.#fail(why),
    disconnect: (channel) => channel.close(),
  })
  readonly #events: Event[] = []
  readonly #waiting: ((event: Event) => void)[] = []
  readonly #programs: Program[] = []
  readonly #channels: FaultChannel[] = []
  #base = 0
  /** Called when a process has registered. */
  onRegister: (id: number, channel: FaultChannel, pid: number) => void = () => {}

  constructor(readonly pages: number) {
    this.frames = new native.Frames('gshm:test', pages)
  }

  /** Starts a client and waits until its view is mapped. */
  async start(): Promise<{ client: Client; channel: FaultChannel }> {
    const program = startProgram(undefined, 'raw_client', [this.socket, String(this.pages)])
    this.#programs.push(program)
    await program.line() // ready
    return { client: new Client(program), channel: this.channel }
  }

  get channel(): FaultChannel {
    const channel = this.#channels[0]
    if (channel === undefined) throw new Error('no client has registered')
    return channel
  }
  /** The address in the client of a byte of its view. */
  address(at: number): number {
    return this.#base + at
  }
  /** Takes a forked child's userfaultfd. */
  adopt(fd: number, id: number): FaultChannel {
    const channel = new native.FaultChannel(fd, 'forked')
    this.#channels.push(channel)
    this.poll.add(channel, id)
    return channel
  }
  /** The next event, whatever it is. */
  async any(): Promise<Event> {
    return this.#events.shift() ?? new Promise<Event>((resolve) => this.#waiting.push(resolve))
  }
  /** The next event of that kind; others before it are an error. */
  async next(kind: Event['kind']): Promise<Event> {
    const event = await this.any()
    if (event.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(event)}`)
    return event
  }
  get queued(): readonly Event[] {
    return this.#events
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.stop()
    this.poll.close()
    this.#listener.close()
    for (const channel of this.#channels) channel.close()
    this.frames.close()
    rmSync(this.dir, { recursive: true })
  }

  #take(...[records, count]: Parameters<FaultBatch>): void {
    for (let i = 0; i < count; i++) {
      const [channel = 0, kind = 0, address = 0, extra = 0, last = 0] = records.subarray(i * RECORD_WIDTH)
      const name = KINDS[kind] ?? 'read'
      const offsets = name === 'remap' || name === 'remove' || name === 'unmap'
      const event: Event = {
        channel,
        kind: name,
        at: name === 'fork' ? 0 : address - this.#base,
        extra: offsets ? extra - this.#base : extra,
        last,
      }
      const waiting = this.#waiting.shift()
      if (waiting) waiting(event)
      else this.#events.push(event)
    }
  }

  #request(channel: DeviceChannel, request: DeviceRequest, fds: number[]): void {
    const { op, serial } = request
    if (op === 'hello') {
      const faults = new native.FaultChannel(fds[0] ?? -1, 'fresh')
      this.#channels.push(faults)
      this.poll.add(faults, ID)
      this.onRegister(ID, faults, channel.peer.pid)
      channel.reply(op, serial, { token: 1n, node: 0, nodes: 1, cluster: 'test', nodeName: 'node0' }, [])
    } else if (op === 'create') {
      const info = { segment: SEGMENT, mode: request.mode, uid: 0, gid: 0, size: request.size, maxSize: request.size }
      const model = { homes: 1, home: 0, unit: 4096, consistency: 'mrsw', manager: 'fixed' }
      const rest = { heapBytes: 0, heapBlocks: 0, createdMs: 0, linked: true, name: request.name }
      channel.reply(op, serial, { ...info, ...model, ...rest }, [this.frames.fd])
    } else if (op === 'map') {
      this.#base = request.address
      this.channel.register(request.address, request.length)
      channel.reply(op, serial, undefined, [])
    } else {
      this.#fail(`unexpected ${op}`)
    }
  }

  #fail(why: string): never {
    throw new Error(`mini-daemon: ${why}`)
  }
}

/** Commands to a raw_client and the answers, by tag: they may come in any order. */
export class Client {
  static #tags = 0
  #answers = new Map<string, string[]>()
  #waiting = new Map<string, ((answer: string) => void)[]>()

  constructor(
    readonly program: Program,
    private readonly whom = '',
  ) {
    if (whom === '') void this.#read(this.program)
  }

  /** Runs one command; resolves with its answer. */
  do(command: string, ...numbers: number[]): Promise<string> {
    return this.#answer(this.#say(command, numbers))
  }
  /** A thread that reads all the time answers twice: when it begins and when it ends. */
  hammer(at: number): { first: Promise<string>; second: Promise<string> } {
    const tag = this.#say('hammer', [at])
    return { first: this.#answer(tag), second: this.#answer(tag) }
  }
  /** The last forked child of this one, which answers on the same output. */
  child(): Client {
    const child = new Client(this.program, 'child ')
    child.#answers = this.#answers
    child.#waiting = this.#waiting
    return child
  }

  #say(command: string, numbers: number[]): string {
    const tag = `t${++Client.#tags}`
    this.program.say(`${this.whom}${tag} ${command} ${numbers.join(' ')}`)
    return tag
  }
  #answer(tag: string): Promise<string> {
    const ready = this.#answers.get(tag)?.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    return new Promise((resolve) => this.#waiting.set(tag, [...(this.#waiting.get(tag) ?? []), resolve]))
  }
  async #read(program: Program): Promise<void> {
    for (;;) {
      const line = await program.line().catch(() => undefined)
      if (line === undefined) return
      const space = line.indexOf(' ')
      const [tag, answer] = [line.slice(0, space), line.slice(space + 1)]
      const waiting = this.#waiting.get(tag)?.shift()
      if (waiting) waiting(answer)
      else this.#answers.set(tag, [...(this.#answers.get(tag) ?? []), answer])
    }
  }
}

/** Descriptors that this process has open now. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Lets the event loop go round until `check` holds. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve))
}

/** Opens descriptors until this process has none left; the test's end, or closing them, frees them. */
export function exhaustDescriptors(t: { teardown(end: () => void): void }): number[] {
  // With the usual limits this would take a million.
  execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=2048:'])
  const held: number[] = []
  t.teardown(() => held.forEach((fd) => closeSync(fd)))
  for (;;) {
    try {
      held.push(openSync('/dev/null', 'r'))
    } catch {
      return held
    }
  }
}
