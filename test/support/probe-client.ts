/**
 * The client of Probe that uses the TypeScript API: as test/programs/probe.c, one line at a time.
 *
 *   probe-client SOCKET
 *
 * Segments are numbered in the order in which they were opened; get and put reach words of views.
 */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import {
  attach,
  type AllocOptions,
  type CreateOptions,
  type Gshm,
  type Segment,
  type View,
} from '../../ts/client/index.js'
import { native } from '../../ts/native/index.js'

const segments: Segment[] = []
const views = new Map<bigint, View>()
let gshm: Gshm

function segment(word: string): Segment {
  const found = segments[Number(word)]
  if (found === undefined) throw new Error(`no segment ${word}`)
  return found
}
function keep(made: Segment): number {
  return segments.push(made) - 1
}
function word(address: bigint): BigUint64Array {
  for (const view of views.values()) {
    const offset = Number(address - view.address)
    if (offset >= 0 && offset < view.length) return new BigUint64Array(view.buffer(offset, 8))
  }
  throw new Error(`no view shows 0x${address.toString(16)}`)
}

type Answer = bigint | number | string | void | Promise<void>
const commands: Record<string, (...words: [string, string, string, string, ...string[]]) => Answer> = {
  attach: (socket) => void (gshm = socket === '' ? attach() : attach({ socket })),
  detach: () => gshm.detach(),
  create: (name, size, flags) => keep(gshm.create(name, amount(size), { openOrCreate: flags === '1' })),
  createWith: (name, size, flags, ...options) =>
    keep(gshm.create(name, amount(size), { openOrCreate: flags === '1', ...optionsOf(options) })),
  model: (name) => {
    const { consistency, manager, unit, homes, home } = gshm.stat(name)
    return `${consistency} ${manager} ${unit} ${homes} ${home}`
  },
  open: (name, flags) => keep(gshm.open(name, { readOnly: flags === '1' })),
  resize: (which, size) => segment(which).resize(amount(size)),
  size: (which) => segment(which).size,
  maxSize: (which) => segment(which).maxSize,
  close: (which) => segment(which).close(),
  stat: (name) => gshm.stat(name).size,
  unlink: (name) => gshm.unlink(name),
  map: (which, address, offset, length) => {
    const view = segment(which).map({ address: BigInt(address), offset: amount(offset), length: amount(length) })
    views.set(view.address, view)
    return view.address
  },
  unmap: (address) => {
    const view = views.get(BigInt(address))
    if (view === undefined) throw new Error(`no view is at ${address}`)
    view.unmap()
    views.delete(BigInt(address))
  },
  pointer: (address) => gshm.pointer(BigInt(address)),
  address: (pointer) => gshm.address(BigInt(pointer)),
  at: (which, offset) => segment(which).at(amount(offset)),
  alloc: (which, size) => segment(which).alloc(amount(size)),
  allocWith: (which, size, ...options) => segment(which).alloc(amount(size), allocOptionsOf(options)),
  realloc: (which, block, size) => segment(which).realloc(BigInt(block), amount(size)),
  free: (which, block) => segment(which).free(BigInt(block)),
  acquire: (which, offset, length) => segment(which).acquire(amount(offset), amount(length)),
  release: (which, offset, length) => segment(which).release(amount(offset), amount(length)),
  lock: (key) => gshm.lock(key),
  unlock: (key) => gshm.unlock(key),
  barrier: (key, count) => gshm.barrier(key, amount(count)),
  get: (address) => word(BigInt(address))[0]!,
  put: (address, value) => void (word(BigInt(address))[0] = BigInt(value)),
  become: (uid, gid, ...groups) => {
    process.setgroups!(groups.filter((group) => group !== '').map(Number))
    process.setgid!(Number(gid))
    process.setuid!(Number(uid))
  },
}

/** As a program would pass it: a bigint where a number cannot be exact. */
function amount(text: string): number {
  const value = BigInt(text)
  return (value > Number.MAX_SAFE_INTEGER ? value : Number(value)) as number
}

/** OPTION=VALUE... */
function optionsOf(words: string[]): CreateOptions {
  const pairs = words.filter((one) => one !== '').map((one): [string, string] => one.split('=') as [string, string])
  return Object.fromEntries(pairs.map(([option, value]) => [option, optionOf(option, value)]))
}

function optionOf(option: string, value: string): number | string {
  if (option === 'mode') return parseInt(value, 8)
  return ['unit', 'home', 'maxSize'].includes(option) ? amount(value) : value
}

function allocOptionsOf(words: string[]): AllocOptions {
  const pairs = words.filter((one) => one !== '').map((one): [string, string] => one.split('=') as [string, string])
  return Object.fromEntries(
    pairs.map(([option, value]) => [option, option === 'apart' ? value === '1' : amount(value)]),
  )
}

async function answer(name: string, words: string[]): Promise<string> {
  try {
    const [a = '', b = '', c = '', d = '', ...rest] = words.map((one) => (one === "''" ? '' : one))
    const value = (await commands[name]?.(a, b, c, d, ...rest)) ?? 0
    return `ok ${value}`
  } catch (error) {
    const { code = '?', message } = error as Error & { code?: string }
    const reason = native.errors.find((one) => `ERR_GSHM_${one.name}` === code)
    return `err ${reason?.errno ?? 0} ${code}: ${message.replaceAll('\n', ' ')}`
  }
}

const control = connect(process.argv[2]!)
control.on('error', () => {})
control.on('close', () => process.exit(0))
control.write(`hello ${process.pid}\n`)
createInterface({ input: control }).on('line', (line) => {
  const words = line.split(' ').filter((one) => one !== '' && one !== '&')
  void answer(words[1] ?? '', words.slice(2)).then((text) => control.write(`${words[0]} ${text}\n`))
})
