/**
 * A daemon for being killed (test/native/keeper.test.ts): pages below UNSERVED are resolved with
 * SERVED words and full access, the others are never answered. It prints "ready SOCKET KEEPER-PID",
 * then every event as "KIND PAGE", when it has dealt with it. A line "protect PAGE" on its standard
 * input takes the write access of that page, and ends its being served.
 */
import { createInterface } from 'node:readline'
import { Keeper } from '../../kmod-sim/keeper.js'
import { native } from '../../ts/native/index.js'
import { MiniDaemon, PAGE } from './mini-daemon.js'

const PAGES = 32
const UNSERVED = 16
const SERVED = 11

const daemon = new MiniDaemon(PAGES)
const said = (why: string) => console.log(`keeper: ${why}`)
const keeper = new Keeper({ warn: said, failed: said })
const channels = new Map<number, Pick<typeof daemon.channel, 'resume' | 'protect'>>()
const still = new Set<number>()
let next = 2

keeper.addFrames(7, daemon.frames)
daemon.onRegister = (id, channel, pid) => {
  channels.set(id, channel)
  keeper.addChannel(id, channel, native.watchExit(pid, () => {}).fd)
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const page = Number(line.split(' ')[1])
  still.add(page)
  for (const channel of channels.values()) channel.protect(daemon.address(page * PAGE), PAGE, true)
  console.log(`protected ${page}`)
})
console.log(`ready ${daemon.socket} ${keeper.pid}`)

for (;;) {
  const { kind, at, extra, channel: id } = await daemon.any()
  const page = at / PAGE
  if (kind === 'fork') {
    const channel = daemon.adopt(extra, next)
    channels.set(next, channel)
    keeper.addChannel(next++, channel, -1)
  } else if (page < UNSERVED && !still.has(page)) {
    const words = new BigUint64Array(PAGE / 8).fill(BigInt(SERVED))
    daemon.frames.copyIn(page, new Uint8Array(words.buffer), 0)
    channels.get(id)?.resume(daemon.address(at), PAGE, true)
  }
  console.log(`${kind} ${page}`)
}
