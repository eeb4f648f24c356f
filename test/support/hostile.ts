/** Device frames made by hand, and the process that sends them (test/programs/hostile.c). */
import { native } from '../../ts/native/index.js'
import { startProgram, type Program } from './program.js'

export const OPS = [
  '',
  'hello',
  'create',
  'open',
  'close',
  'stat',
  'unlink',
  'map',
  'alloc',
  'realloc',
  'free',
  'lock',
  'unlock',
  'barrier',
  'fork',
  'inspect',
  'acquire',
  'release',
  'heap',
  'span',
  'allocWith',
  'lockPages',
  'cancel',
  'object',
  'resize',
  'size',
  'bye',
  'unmap',
  'parted',
]
export type Descriptor = 'none' | 'null' | 'pipe' | 'fresh' | 'used'

const HEADER = 16
const NAME = 64

/** Fields one after the other: numbers of 4 bytes, bigints of 8, strings of a name's 64. */
export function fields(...values: (number | bigint | string)[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(typeof value === 'number' ? 4 : typeof value === 'bigint' ? 8 : NAME)
      if (typeof value === 'number') bytes.writeUInt32LE(value)
      else if (typeof value === 'bigint') bytes.writeBigUInt64LE(value)
      else bytes.write(value)
      return bytes
    }),
  )
}

/** An option's words, of 16 bytes each. */
export function words(...values: string[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(16)
      bytes.write(value)
      return bytes
    }),
  )
}

export function frame(op: string | number, body: Buffer = Buffer.alloc(0), serial = 1): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32LE(HEADER + body.length, 0)
  header.writeUInt16LE(typeof op === 'number' ? op : OPS.indexOf(op), 4)
  header.writeUInt32LE(serial, 8)
  return Buffer.concat([header, body])
}

export const hello = (kind: number, token = 0n, abi = native.abiVersion): Buffer =>
  frame('hello', fields(abi, kind, token, 0n))

export interface Reply {
  /** 'OK' or the error's name. */
  readonly error: string
  readonly text: string
  readonly body: Buffer
}

export class Hostile {
  readonly program: Program

  constructor(socket: string) {
    this.program = startProgram(socket, 'hostile', [socket])
  }

  async ask(line: string): Promise<string> {
    this.program.say(line)
    return this.program.line()
  }

  async connect(): Promise<number> {
    return Number(await this.ask('connect'))
  }
  /** 'sent', or why not. */
  send(connection: number, bytes: Buffer, descriptor: Descriptor = 'none'): Promise<string> {
    return this.ask(`send ${connection} ${descriptor} ${bytes.toString('hex')}`)
  }
  /** The next packet from the daemon; undefined when it has closed the connection. */
  async receive(connection: number): Promise<Reply | undefined> {
    const [word, hex = ''] = (await this.ask(`receive ${connection}`)).split(' ')
    if (word !== 'got') return undefined
    const bytes = Buffer.from(hex, 'hex')
    const error = native.errors[bytes.readInt32LE(12)]?.name ?? '?'
    const body = bytes.subarray(HEADER)
    return { error, text: error === 'OK' ? '' : body.toString(), body }
  }
  async exchange(connection: number, bytes: Buffer, descriptor: Descriptor = 'none'): Promise<Reply | undefined> {
    await this.send(connection, bytes, descriptor)
    return this.receive(connection)
  }
  /** A connection of a process that is registered. */
  async register(): Promise<number> {
    const connection = await this.connect()
    const reply = await this.exchange(connection, hello(1), 'fresh')
    if (reply?.error !== 'OK') throw new Error(`register: ${reply?.error} ${reply?.text}`)
    return connection
  }
  stop(): Promise<void> {
    return this.program.stop()
  }
}
