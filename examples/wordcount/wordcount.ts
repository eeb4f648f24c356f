/** wordcount.c's twin, which tells how the table is laid out: ranks of both kinds count into the same one. */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { attach, type CreateOptions } from '../../ts/index.js'

const BUCKETS = 4096
const LOCKS = 64
const ENTRY = 4 // words of 32 bits: next, offset, length, count

interface Word {
  readonly bucket: number
  readonly offset: number
  readonly length: number
  count: number
}

const word = { type: 'string' } as const
const { values, positionals } = parseArgs({
  options: { consistency: word, manager: word, unit: word },
  allowPositionals: true,
})
const { unit, ...words } = values
const path = positionals[0] ?? '/usr/share/common-licenses/GPL-3'
const rank = Number(process.env['GSHM_RANK'] ?? 0)
const ranks = Number(process.env['GSHM_RANKS'] ?? 1)
// Rank 0 says what is wrong, once: the others wait for it at their first barrier, and are ended there.
const found = statSync(path, { throwIfNoEntry: false })
if (found === undefined && rank === 0) fail(`${path}: no such file`)
const size = found?.size ?? 1
if (size === 0) process.exit(0)
if (size >= 2 ** 31) throw new Error(`${path} is larger than 2 GiB`)
const model = rank > 0 || unit === undefined ? words : { ...words, unit: bytes(unit) }
const g = attach()
const text = new Uint8Array(share('wordcount.text', size, 'wordcount.text.made'))
if (found === undefined) fail(`${path}: no such file`)
const entriesAt = BUCKETS
const table = new Uint32Array(share('wordcount.table', 4 * (BUCKETS + ENTRY * (size + ranks)), 'wordcount.table.made'))

readPart()
g.barrierSync('wordcount.read', ranks)
addAll(findWords())
g.barrierSync('wordcount.counted', ranks)
if (rank === 0) {
  print()
  g.unlink('wordcount.text')
  g.unlink('wordcount.table')
}
g.detach()

function fail(why: string): never {
  console.error(`wordcount: ${why}`)
  process.exit(1)
}

/** 8192, or 64K. */
function bytes(unit: string): number {
  const [, digits, kilo] = /^(\d+)(k?)$/i.exec(unit) ?? fail(`--unit '${unit}': bytes are wanted, such as 8192 or 64K`)
  return Number(digits) * (kilo === '' ? 1 : 1024)
}

/** Rank 0 makes it afresh; the others find it after the barrier. */
function share(name: string, bytes: number, ready: string): ArrayBuffer {
  if (rank === 0) {
    try {
      g.unlink(name) // what a run that was killed may have left
    } catch {
      // nothing was left
    }
  }
  const made = rank === 0 ? g.create(name, bytes, model as CreateOptions) : undefined
  g.barrierSync(ready, ranks)
  return (made ?? g.open(name)).map().buffer()
}

function part(r: number): number {
  return Math.floor((size * r) / ranks)
}

/** read(2) puts the bytes into global memory by itself. */
function readPart(): void {
  const fd = openSync(path, 'r')
  for (let at = part(rank); at < part(rank + 1); ) {
    const got = readSync(fd, text, at, part(rank + 1) - at, at)
    if (got === 0) throw new Error(`${path} has become shorter`)
    at += got
  }
  closeSync(fd)
}

function letter(at: number): boolean {
  const c = text[at]! | 32
  return c >= 97 && c <= 122
}

function wordAt(offset: number, length: number): string {
  return Buffer.from(text.subarray(offset, offset + length)).toString('latin1')
}

/** FNV-1a (Fowler, Noll, Vo). */
function bucketOf(offset: number, length: number): number {
  let hash = 2166136261
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ text[offset + i]!, 16777619)
  return (hash >>> 0) % BUCKETS
}

/** The words that begin in this rank's part; the last one may end in another's. */
function findWords(): Word[] {
  const words = new Map<string, Word>()
  for (let at = part(rank); at < part(rank + 1); at++) {
    if (!letter(at) || (at > 0 && letter(at - 1))) continue
    let length = 1
    while (at + length < size && letter(at + length)) length++
    const spelt = wordAt(at, length)
    const known = words.get(spelt)
    if (known !== undefined) known.count++
    else words.set(spelt, { bucket: bucketOf(at, length), offset: at, length, count: 1 })
  }
  return [...words.values()].sort((a, b) => a.bucket - b.bucket)
}

function addAll(words: readonly Word[]): void {
  const lockOf = (word: Word) => Math.floor(word.bucket / (BUCKETS / LOCKS))
  let fresh = part(rank) + rank
  for (let i = 0; i < words.length; ) {
    const lock = lockOf(words[i]!)
    g.lockSync(lock)
    for (; i < words.length && lockOf(words[i]!) === lock; i++) if (add(words[i]!, fresh)) fresh++
    g.unlockSync(lock)
  }
}

/** Under the bucket's lock. `fresh` is an entry of ours that is free; true when it is used now. */
function add({ bucket, offset, length, count }: Word, fresh: number): boolean {
  const spelt = wordAt(offset, length)
  for (let at = table[bucket]!; at !== 0; at = table[entriesAt + (at - 1) * ENTRY]!) {
    const entry = entriesAt + (at - 1) * ENTRY
    if (wordAt(table[entry + 1]!, table[entry + 2]!) !== spelt) continue
    table[entry + 3]! += count
    return false
  }
  table.set([table[bucket]!, offset, length, count], entriesAt + fresh * ENTRY)
  table[bucket] = fresh + 1
  return true
}

function print(): void {
  const lines: [string, number][] = []
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for (let at = table[bucket]!; at !== 0; at = table[entriesAt + (at - 1) * ENTRY]!) {
      const [, offset, length, count] = table.subarray(entriesAt + (at - 1) * ENTRY, entriesAt + at * ENTRY)
      lines.push([wordAt(offset!, length!), count!])
    }
  }
  if (!letter(0)) lines.push(['', 1]) // tr makes an empty line of what comes before the first word
  lines.sort(([a], [b]) => (a < b ? -1 : 1))
  process.stdout.write(lines.map(([word, count]) => `${String(count).padStart(7)} ${word}\n`).join(''))
}
