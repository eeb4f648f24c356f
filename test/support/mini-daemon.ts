/**
 * The least daemon that can serve test/programs/raw_client.c: it answers the device protocol, and
 * leaves every fault and event to the test, which takes them one by one and changes access itself.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
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
  /** Called inside each delivery, after its events were queued. */
  onBatch: () => void = () => {}

  constructor(readonly pages: number) {
    this.frames = new native.Frames('gshm:test', pages)
  }

  /** Starts a client and waits until its view is mapped. */
  async start(): Promise<{ client: Client; channel: FaultChannel }> {
    const program = startProgram(undefined, 'raw_client', [this.socket, String(this.pages)])
    this.#programs.push(program)
    this.#base = Number((await program.line()).replace('ready ', ''))
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
  /** The next event of that kind; others before it are an error. */
  async next(kind: Event['kind']): Promise<Event> {
    const event = this.#events.shift() ?? (await new Promise<Event>((resolve) => this.#waiting.push(resolve)))
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
    this.onBatch()
  }

  #request(channel: DeviceChannel, request: DeviceRequest, fds: number[]): void {
    const { op, serial } = request
    if (op === 'hello') {
      const faults = new native.FaultChannel(fds[0] ?? -1, 'fresh')
      this.#channels.push(faults)
      this.poll.add(faults, ID)
      channel.reply(op, serial, { token: 1n, node: 0, nodes: 1, cluster: 'test', nodeName: 'node0' }, -1)
    } else if (op === 'create') {
      const info = { segment: SEGMENT, mode: request.mode, uid: 0, gid: 0, size: request.size, heapBytes: 0 }
      const rest = { heapBlocks: 0, createdMs: 0, linked: true, homes: 1, consistency: 'mrsw', name: request.name }
      channel.reply(op, serial, { ...info, ...rest }, this.frames.fd)
    } else if (op === 'map') {
      this.channel.register(request.address, request.length)
      channel.reply(op, serial, undefined, -1)
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
  readonly #answers = new Map<string, string>()
  readonly #waiting = new Map<string, (answer: string) => void>()
  #tags = 0

  constructor(
    readonly program: Program,
    private readonly whom = '',
  ) {
    if (whom === '') void this.#read(this.program)
  }

  /** Runs one command; resolves with its answer. */
  do(command: string, ...numbers: number[]): Promise<string> {
    const tag = `${this.whom === '' ? 'p' : 'c'}${++this.#tags}`
    this.program.say(`${this.whom}${tag} ${command} ${numbers.join(' ')}`)
    return this.answer(tag)
  }
  answer(tag: string): Promise<string> {
    const ready = this.#answers.get(tag)
    if (ready !== undefined) return Promise.resolve(ready)
    return new Promise((resolve) => this.#waiting.set(tag, resolve))
  }
  /** The forked child of this one, which answers on the same output. */
  child(): Client {
    const child = new Client(this.program, 'child ')
    child.answer = (tag) => this.answer(tag)
    return child
  }

  async #read(program: Program): Promise<void> {
    for (;;) {
      const line = await program.line().catch(() => undefined)
      if (line === undefined) return
      const space = line.indexOf(' ')
      const tag = line.slice(0, space)
      this.#answers.set(tag, line.slice(space + 1))
      this.#waiting.get(tag)?.(line.slice(space + 1))
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
