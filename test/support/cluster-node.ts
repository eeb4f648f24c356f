// Nodes for tests, in this process or in one of their own, seen through what they were told. Tests
// wait for these lines and never for time to pass.
import { fork, type ChildProcess } from 'node:child_process'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import {
  Cluster,
  type ClusterHandlers,
  type ClusterOptions,
  type Endpoint,
  type Started,
} from '../../ts/cluster/index.js'
import type { OpenPeerSocket } from '../../ts/cluster/transport.js'
import { native } from '../../ts/native/index.js'
import type { Message } from '../../ts/node/messages.js'

export type Options = Partial<ClusterOptions> & { readonly nodeName: string }

export const page = (serial: number): Message => ({
  type: 'PageRead',
  segment: 1,
  page: 3,
  requester: 0,
  serial,
  bytes: 'page',
  confirm: true,
})
export const leave = (number: number): Message => ({ type: 'BarrierLeave', key: 'k', number })

/** Lines about one node, and a way to wait for one. */
export class Seen {
  readonly lines: string[] = []
  #waiting: { what: RegExp; resolve: (line: string) => void }[] = []

  add(line: string): void {
    this.lines.push(line)
    const hit = this.#waiting.filter(({ what }) => what.test(line))
    this.#waiting = this.#waiting.filter(({ what }) => !what.test(line))
    for (const { resolve } of hit) resolve(line)
  }

  /** The first line that matches, already there or to come. */
  until(what: RegExp): Promise<string> {
    const line = this.lines.find((one) => what.test(one))
    if (line !== undefined) return Promise.resolve(line)
    return new Promise((resolve) => this.#waiting.push({ what, resolve }))
  }

  matching(what: RegExp): string[] {
    return this.lines.filter((line) => what.test(line))
  }
}

/** Tells `add` every call as a line. */
export function handlers(add: (line: string) => void): ClusterHandlers {
  return {
    self: (node) => add(`self ${node}`),
    joined: (node, name) => add(`joined ${node} ${name}`),
    message: (from, message, payload) => {
      const number = 'serial' in message ? message.serial : 'number' in message ? message.number : ''
      add(`message ${from} ${message.type} ${number}${payload ? ` ${payload.length}:${payload[9]}` : ''}`)
    },
    lost: (node, why) => add(`lost ${node} ${why}`),
    asked: (what) => `${what}?`,
    fenced: (why) => add(`fenced ${why}`),
  }
}

export function defaults(options: Options, add: (line: string) => void): ClusterOptions {
  const log: ClusterOptions['log'] = (level, text) => add(`log ${level} ${text}`)
  // As in a daemon; GSHM_TEST_NODE_NET=1: links stay node:net's.
  const open: OpenPeerSocket = (...socket) => new native.PeerSocket(...socket)
  const fast = process.env.GSHM_TEST_NODE_NET === '1' ? {} : { openPeerSocket: open }
  return { clusterName: 'test', version: '1', log, ...fast, ...options }
}

/** A node in this process. */
export class Local extends Seen {
  readonly cluster: Cluster
  started!: Started

  constructor(options: Options, change: Partial<ClusterHandlers> = {}) {
    super()
    const add = (line: string): void => this.add(line)
    this.cluster = new Cluster(defaults(options, add), { ...handlers(add), ...change })
  }

  async start(): Promise<this> {
    this.started = await this.cluster.start()
    this.add(`started ${this.started.self}`)
    return this
  }

  get at(): Endpoint {
    return endpoint(this.cluster.listen)
  }
}

/** A node in a process of its own (cluster-member.ts). */
export class Remote extends Seen {
  readonly child: ChildProcess
  listen = ''

  constructor(readonly options: Options) {
    super()
    this.child = fork(fileURLToPath(new URL('./cluster-member.ts', import.meta.url)), [JSON.stringify(options)])
    this.child.on('message', (line: string) => this.add(line))
    this.child.on('exit', (code, signal) => this.add(`exit ${signal ?? code}`))
  }

  async start(): Promise<this> {
    const line = await this.until(/^(started|failed|exit) /)
    if (!line.startsWith('started')) throw new Error(line)
    this.listen = line.split(' ')[2]!
    return this
  }

  get at(): Endpoint {
    return endpoint(this.listen)
  }

  /** 'send TO COUNT', 'page TO', 'stop', 'block MS' */
  tell(command: string): void {
    this.child.send(command)
  }
}

export function endpoint(text: string): Endpoint {
  const [host, port] = text.split(':')
  return { host: host!, port: Number(port) }
}

/** A port where nobody listens. */
export async function freePort(): Promise<Endpoint> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return { host: '127.0.0.1', port }
}

/** Stands between two nodes and spoils what passes, in the direction of the one that was dialed. */
export class Proxy {
  readonly #server = createServer((socket) => this.#accept(socket))
  readonly #pairs: { from: Socket; to: Socket }[] = []
  #to: Endpoint | undefined
  #silent = false

  async open(): Promise<Endpoint> {
    this.#server.listen(0, '127.0.0.1')
    await new Promise((resolve) => this.#server.once('listening', resolve))
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  forward(to: Endpoint): void {
    this.#to = to
  }

  #accept(from: Socket): void {
    const to = connect(this.#to!)
    this.#pairs.push({ from, to })
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on('data', (chunk) => this.#silent || other.write(chunk))
      one.on('close', () => this.#silent || other.destroy())
      one.on('error', () => {})
    }
  }

  /** Nothing passes any more, and nobody is told. */
  silence(): void {
    this.#silent = true
  }

  /** These bytes appear at the dialed node as if the other had sent them. */
  inject(bytes: Uint8Array): void {
    for (const { to } of this.#pairs) to.write(bytes)
  }

  close(): void {
    this.#server.close()
    for (const { from, to } of this.#pairs) {
      from.destroy()
      to.destroy()
    }
  }
}

/** What a stranger's connection says before it is closed, as text; it sends `bytes` at once. */
export async function knock(at: Endpoint, bytes: Uint8Array | string, hangUp = false): Promise<string> {
  const socket = connect(at)
  let said = ''
  socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
  socket.on('error', () => {})
  if (hangUp) socket.end(bytes)
  else socket.write(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
  return said
}
