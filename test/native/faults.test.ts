/** FaultPoll, FaultChannel and Frames against a real process: what docs say the kernel does. */
import { closeSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { ERROR_NAMES } from '../../ts/base/errors.js'
import { Change, FaultKind, native, RECORD_WIDTH, type FaultChannel } from '../../ts/native/index.js'
import { exhaustDescriptors, MiniDaemon, openDescriptors, PAGE, until } from '../support/mini-daemon.js'

async function started(t: Test, pages = 16) {
  const daemon = new MiniDaemon(pages)
  t.teardown(() => daemon.close())
  const { client, channel } = await daemon.start()
  return { daemon, client, channel }
}

/** A page of 64-bit words, all of them `value`. */
function page(value: number): Uint8Array {
  return new Uint8Array(new BigUint64Array(PAGE / 8).fill(BigInt(value)).buffer)
}
function word(daemon: MiniDaemon, at: number): number {
  const bytes = new Uint8Array(PAGE)
  daemon.frames.copyOut(at / PAGE, bytes, 0)
  return Number(new BigUint64Array(bytes.buffer)[0])
}

t.test('a missing page: read, then upgraded to write, in two faults', async (t) => {
  const { daemon, client, channel } = await started(t)
  const read = client.do('read', 3 * PAGE + 8)
  const fault = await daemon.next('read')
  t.equal(fault.at, 3 * PAGE, 'the address is the page')
  t.ok(fault.last > 0, 'the thread is named')
  daemon.frames.copyIn(3, page(42), 0)
  t.equal(channel.resume(daemon.address(3 * PAGE), PAGE, false), Change.ok)
  t.equal(await read, '42')

  const write = client.do('write', 3 * PAGE, 43)
  t.equal((await daemon.next('write')).at, 3 * PAGE)
  t.equal(channel.protect(daemon.address(3 * PAGE), PAGE, false), Change.ok)
  t.equal(await write, 'done')
  t.equal(word(daemon, 3 * PAGE), 43)
  t.equal(daemon.frames.resident(), 1)
  t.equal(channel.resume(daemon.address(3 * PAGE), PAGE, true), Change.already)
})

t.test('write -> read -> none: the writer is stopped, then the page is gone for everybody', async (t) => {
  const { daemon, client, channel } = await started(t)
  const at = daemon.address(0)
  const first = client.do('write', 0, 1)
  await daemon.next('write')
  daemon.frames.zero(0)
  channel.resume(at, PAGE, true)
  await first

  t.equal(channel.protect(at, PAGE, true), Change.ok)
  const second = client.do('write', 0, 2)
  await daemon.next('write')
  t.equal(word(daemon, 0), 1, 'the store did not happen')
  daemon.frames.punch(0, 1)
  channel.wake(at, PAGE)
  await daemon.next('write')
  t.equal(daemon.frames.resident(), 0)
  daemon.frames.copyIn(0, page(9), 0)
  t.equal(channel.resume(at, PAGE, true), Change.ok, 'the marker of the write-protection is no obstacle')
  t.equal(await second, 'done')
  t.equal(word(daemon, 0), 2)
})

t.test('a range of pages with one mapped already: all are resumed', async (t) => {
  const { daemon, client, channel } = await started(t)
  for (let i = 0; i < 8; i++) daemon.frames.copyIn(i, page(i), 0)
  t.equal(channel.resume(daemon.address(3 * PAGE), PAGE, false), Change.ok)
  t.equal(channel.resume(daemon.address(0), 8 * PAGE, false), Change.already)
  for (let i = 0; i < 8; i++) t.equal(await client.do('read', i * PAGE), String(i))
  t.same(daemon.queued, [], 'without a fault')
})

t.test('a range that may be written, with pages mapped to be read: all are, without a fault', async (t) => {
  const { daemon, client, channel } = await started(t)
  for (let i = 0; i < 8; i++) daemon.frames.copyIn(i, page(i), 0)
  t.equal(channel.resume(daemon.address(2 * PAGE), 3 * PAGE, false), Change.ok)
  t.equal(channel.resume(daemon.address(0), 8 * PAGE, true), Change.already)
  for (let i = 0; i < 8; i++) t.equal(await client.do('write', i * PAGE, 70 + i), 'done')
  t.same(daemon.queued, [], 'without a fault')
  t.equal(word(daemon, 3 * PAGE), 73)
})

t.test('a range of which a page is gone: the others are resumed, protected, poisoned', async (t) => {
  const { daemon, client, channel } = await started(t)
  for (let i = 0; i < 8; i++) daemon.frames.copyIn(i, page(i), 0)
  const unmapped = client.do('unmap', 3 * PAGE, PAGE)
  await daemon.next('unmap')
  t.equal(await unmapped, 'done')
  const all = [daemon.address(0), 8 * PAGE] as const
  t.equal(channel.resume(...all, true), Change.ok)
  t.equal(await client.do('write', 7 * PAGE, 77), 'done')
  t.same(daemon.queued, [], 'behind the gap, too')
  t.equal(channel.protect(...all, true), Change.ok)
  const stopped = client.do('write', 6 * PAGE, 1)
  await daemon.next('write')
  t.equal(word(daemon, 6 * PAGE), 6, 'the store did not happen')
  t.equal(channel.protect(...all, false), Change.ok)
  t.equal(await stopped, 'done')
  daemon.frames.punch(0, 8)
  t.equal(channel.poison(...all), Change.ok)
  for (const i of [0, 2, 4, 7]) t.equal(await client.do('read', i * PAGE), 'sigbus', `page ${i}`)
  t.equal(channel.resume(daemon.address(3 * PAGE), PAGE, true), Change.gone)
})

t.test('frames: many at a time, and one that is missing is noticed', async (t) => {
  const daemon = new MiniDaemon(20)
  t.teardown(() => daemon.close())
  const { frames } = daemon
  const bytes = new Uint8Array(16 * PAGE).map((_, i) => (i >> 12) + 1)
  frames.copyIn(4, bytes, 0, 16)
  const back = new Uint8Array(16 * PAGE + 3)
  frames.copyOut(4, back, 3, 16)
  t.same(Buffer.compare(back.subarray(3), bytes), 0)
  t.same([frames.present(4, 16), frames.present(3, 2), frames.present(19)], [true, false, true])
  frames.punch(10, 1)
  t.same([frames.present(4, 16), frames.present(4, 6), frames.present(11, 9)], [false, true, true])
  frames.zero(0, 4)
  t.same([frames.present(0, 10), frames.resident()], [true, 4 + 15])
  const invalid = { code: 'ERR_GSHM_INVALID' }
  const beyond = { code: 'ERR_GSHM_BEYOND_END' }
  t.throws(() => frames.copyIn(0, bytes, 1, 16), invalid, 'not so many bytes')
  t.throws(() => frames.copyOut(0, back, 4, 16), invalid)
  t.throws(() => frames.copyOut(0, back, 0, 0), invalid)
  t.throws(() => frames.zero(0, 17), invalid)
  t.throws(() => frames.copyIn(5, bytes, 0, 16), beyond)
  t.throws(() => frames.zero(19, 2), beyond)
})

t.test('what is no access change throws, with a code', async (t) => {
  const { daemon, channel } = await started(t)
  const at = daemon.address(0)
  const caught = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      const { code, errno } = error as { code: string; errno?: number }
      return [code, errno]
    }
    return []
  }
  t.equal(channel.resume(at, PAGE, true), Change.hole)
  t.same(
    caught(() => channel.resume(at + 1, PAGE, true)),
    ['ERR_GSHM_SYSTEM', 22],
    'misaligned: EINVAL',
  )
  t.same(
    caught(() => channel.resume(-1, PAGE, true)),
    ['ERR_GSHM_INVALID', undefined],
  )
  t.same(
    caught(() => channel.resume(at, 0.5, true)),
    ['ERR_GSHM_INVALID', undefined],
  )
  t.same(
    caught(() => channel.register(daemon.address(-(2 ** 30)), PAGE)),
    ['ERR_GSHM_INVALID', undefined],
  )
  t.same(
    caught(() => channel.register(at + 1, PAGE)),
    ['ERR_GSHM_MISALIGNED', undefined],
  )
  t.same(
    caught(() => daemon.frames.copyIn(16, page(0), 0)),
    ['ERR_GSHM_BEYOND_END', undefined],
  )
  t.same(
    caught(() => daemon.frames.copyIn(0, page(0), 1)),
    ['ERR_GSHM_INVALID', undefined],
  )
  t.same(
    caught(() => daemon.frames.punch(15, 2)),
    ['ERR_GSHM_BEYOND_END', undefined],
  )
  t.same(
    caught(() => new native.Frames('x', 2 ** 33)),
    ['ERR_GSHM_INVALID', undefined],
  )
  t.equal(channel.resume(daemon.address(-(2 ** 40)), PAGE, true), Change.gone, 'nothing is mapped there')
})

t.test('remap, unmap and remove are decoded; who waited there faults again', async (t) => {
  const { daemon, client, channel } = await started(t)
  daemon.frames.copyIn(0, page(5), 0)
  channel.resume(daemon.address(0), PAGE, false)
  const moved = client.do('move', 0, PAGE, 8 * PAGE)
  t.match(await daemon.next('unmap'), { at: 8 * PAGE, extra: 9 * PAGE }, 'what was at the target')
  t.match(await daemon.next('remap'), { at: 0, extra: 8 * PAGE, last: PAGE })
  t.match(await daemon.next('unmap'), { at: 0, extra: PAGE })
  t.equal(await moved, 'done')
  t.equal(await client.do('read', 8 * PAGE), '5', 'the page went along')

  const dropped = client.do('drop', 8 * PAGE, PAGE)
  t.match(await daemon.next('remove'), { at: 8 * PAGE, extra: 9 * PAGE })
  t.equal(await dropped, 'done')
  const read = client.do('read', 8 * PAGE)
  await daemon.next('read')
  t.equal(channel.resume(daemon.address(8 * PAGE), PAGE, false), Change.ok, 'the frame was still there')
  t.equal(await read, '5')

  const unmapped = client.do('unmap', 8 * PAGE, 2 * PAGE)
  t.match(await daemon.next('unmap'), { at: 8 * PAGE, extra: 10 * PAGE })
  t.equal(await unmapped, 'done')
  t.equal(channel.resume(daemon.address(8 * PAGE), PAGE, false), Change.gone)
})

t.test('fork: the child has a userfaultfd of its own, and faults by itself', async (t) => {
  const { daemon, client, channel } = await started(t)
  const forked = client.do('fork')
  const event = await daemon.next('fork')
  const child = daemon.adopt(event.extra, 2)
  t.ok(Number(await forked) > 0)
  const read = client.child().do('read', PAGE)
  t.match(await daemon.next('read'), { channel: 2, at: PAGE })
  daemon.frames.copyIn(1, page(6), 0)
  t.equal(child.resume(daemon.address(PAGE), PAGE, false), Change.ok)
  t.equal(await read, '6')
  const parents = client.do('read', PAGE)
  t.match(await daemon.next('read'), { channel: 1, at: PAGE })
  channel.resume(daemon.address(PAGE), PAGE, false)
  t.equal(await parents, '6')
})

t.test('while a fork event is unread, changes answer again; drain delivers it at once', async (t) => {
  const { daemon, client, channel } = await started(t)
  daemon.frames.copyIn(0, page(1), 0)
  channel.resume(daemon.address(0), PAGE, true)
  daemon.poll.remove(1)
  const forked = client.do('fork')
  const change = () => channel.protect(daemon.address(0), PAGE, true)
  await until(() => change() === Change.again)
  t.equal(channel.resume(daemon.address(0), PAGE, true), Change.again)
  t.ok(channel.alive(), 'which alive() is not confused by')
  daemon.poll.add(channel, 1)
  daemon.poll.drain(1)
  t.match(daemon.queued, [{ kind: 'fork' }], 'before drain returned')
  daemon.adopt((await daemon.next('fork')).extra, 2)
  await until(() => change() === Change.ok)
  await forked
})

t.test('drain inside a delivery: the records under delivery stay what they are', async (t) => {
  const { daemon, client, channel } = await started(t)
  const forked = client.do('fork')
  const child = daemon.adopt((await daemon.next('fork')).extra, 2)
  await forked
  daemon.poll.remove(1)
  daemon.poll.remove(2)
  void client.do('read', 3 * PAGE)
  void client.child().do('read', 5 * PAGE)
  await until(() => waiting(channel) === 1 && waiting(child) === 1)

  const seen: number[] = []
  const poll = new native.FaultPoll((records, count) => {
    const before = records.slice(0, count * RECORD_WIDTH)
    const [id = 0, , address = 0] = records
    seen.push(id)
    if (id === 1) poll.drain(2)
    t.same(records.slice(0, count * RECORD_WIDTH), before)
    t.equal(address, daemon.address((id === 1 ? 3 : 5) * PAGE))
  })
  t.teardown(() => poll.close())
  poll.add(channel, 1)
  poll.add(child, 2)
  poll.drain(1)
  t.same(seen, [1, 2], 'the second inside the first, both before drain returned')
})

/** Threads that wait for a page and were not reported yet. */
function waiting(channel: FaultChannel): number {
  const info = readFileSync(`/proc/self/fdinfo/${channel.fd}`, 'utf8')
  return Number(/^pending:\s*(\d+)$/m.exec(info)?.[1])
}

t.test('poison: SIGBUS for who waits and who comes later, over a write-protected hole too', async (t) => {
  const { daemon, client, channel } = await started(t)
  const waiting = client.do('write', 0, 1)
  await daemon.next('write')
  t.equal(channel.poison(daemon.address(0), PAGE), Change.ok)
  t.equal(await waiting, 'sigbus')
  t.equal(await client.do('read', 0), 'sigbus')
  t.equal(await client.do('fill', 0), 'Bad address')

  daemon.frames.zero(1)
  channel.resume(daemon.address(PAGE), PAGE, true)
  channel.protect(daemon.address(PAGE), PAGE, true)
  daemon.frames.punch(1, 1)
  t.equal(channel.poison(daemon.address(PAGE), PAGE), Change.ok)
  t.equal(await client.do('read', PAGE), 'sigbus')
  t.equal(channel.poison(daemon.address(0), 2 * PAGE), Change.already)

  daemon.frames.copyIn(0, page(8), 0)
  t.equal(channel.resume(daemon.address(0), PAGE, true), Change.ok, 'a page that was recovered comes back')
  t.equal(await client.do('read', 0), '8')
})

t.test('read(2) into a page that is absent faults like a store', async (t) => {
  const { daemon, client, channel } = await started(t)
  const filled = client.do('fill', 2 * PAGE)
  t.equal((await daemon.next('write')).at, 2 * PAGE)
  daemon.frames.copyIn(2, page(7), 0)
  channel.resume(daemon.address(2 * PAGE), PAGE, true)
  t.equal(await filled, 'done')
  t.equal(word(daemon, 2 * PAGE), 0)
})

t.test('a process that makes its userfaultfd blocking blocks nobody', async (t) => {
  const { daemon, client, channel } = await started(t)
  t.equal(await client.do('blocking'), 'done')
  daemon.poll.drain(1)
  t.pass('an empty queue was read')
  const read = client.do('read', 0)
  await daemon.next('read')
  daemon.frames.copyIn(0, page(3), 0)
  channel.resume(daemon.address(0), PAGE, false)
  t.equal(await read, '3')
})

t.test('a process that is killed: watchExit tells, changes answer gone', async (t) => {
  const { daemon, client, channel } = await started(t)
  daemon.frames.zero(0)
  t.ok(channel.alive())
  const exited = new Promise<void>((resolve) => {
    const watch = native.watchExit(client.program.pid, () => (watch.close(), resolve()))
    watch.kill()
  })
  await exited
  t.notOk(channel.alive())
  t.equal(channel.resume(daemon.address(0), PAGE, true), Change.gone)
  t.equal(channel.protect(daemon.address(0), PAGE, true), Change.gone)
  t.equal(channel.poison(daemon.address(0), PAGE), Change.gone)
  await client.program.ended
  t.throws(() => native.watchExit(client.program.pid, () => {}), { code: 'ERR_GSHM_SYSTEM', errno: 3 })
})

t.test('descriptors that are no unused userfaultfd are refused, and stay the caller’s', async (t) => {
  const { daemon, channel } = await started(t)
  const text = native.textFd('{}')
  t.throws(() => new native.FaultChannel(text, 'fresh'), { code: 'ERR_GSHM_NOT_USERFAULTFD' })
  native.closeFd(text)
  const used = channel.duplicate()
  t.throws(() => new native.FaultChannel(used, 'fresh'), { code: 'ERR_GSHM_NOT_USERFAULTFD' })
  native.closeFd(used)
  t.throws(() => native.closeFd(used), { code: 'ERR_GSHM_SYSTEM' })
  t.throws(() => daemon.poll.add(channel, 5), { code: 'ERR_GSHM_INVALID' }, 'watched already')
  t.throws(() => daemon.poll.add({} as typeof channel, 6), { code: 'ERR_GSHM_INVALID' })
})

t.test('a fork event is read where no descriptor is left but the spare one', async (t) => {
  const { daemon, client } = await started(t)
  daemon.poll.remove(1)
  const forked = client.do('fork')
  await until(() => daemon.channel.protect(daemon.address(0), PAGE, true) === Change.again)
  const held = exhaustDescriptors(t)
  daemon.poll.add(daemon.channel, 1)
  const first = await daemon.next('fork')
  t.ok(first.extra > 0)
  t.ok(Number(await forked) > 0)

  const again = client.do('fork')
  await until(() => daemon.channel.protect(daemon.address(0), PAGE, true) === Change.again)
  t.equal(daemon.queued.length, 0, 'the spare one is gone: the event waits, and is not lost')
  held.splice(0, 4).forEach((fd) => closeSync(fd))
  const second = await daemon.next('fork')
  t.ok(Number(await again) > 0)
  native.closeFd(first.extra)
  native.closeFd(second.extra)
})

t.test('close: no descriptor is left, in whatever order things are closed', async (t) => {
  const before = openDescriptors()
  for (let i = 0; i < 3; i++) {
    const daemon = new MiniDaemon(4)
    const { client, channel } = await daemon.start()
    const read = client.do('read', 0)
    await daemon.next('read')
    if (i === 1) channel.close() // while the poll watches it
    if (i === 2) daemon.poll.close() // before its channels
    client.program.child.kill('SIGKILL')
    await client.program.ended
    void read
    await daemon.close()
  }
  t.equal(openDescriptors(), before)
})

t.test('MicroTimer: the later deadline counts, 0 disarms, close inside the callback', async (t) => {
  let times = 0
  await new Promise<void>((resolve) => {
    const timer = new native.MicroTimer(() => {
      times++
      timer.close()
      resolve()
    })
    timer.arm(1_000_000_000)
    timer.arm(0)
    timer.arm(50)
  })
  t.equal(times, 1)
})

t.test('probe says what a process would get, errors are the list of errors.h', (t) => {
  const { userfaultfd, missing, error, features } = native.probe()
  t.match({ userfaultfd, missing, error }, { userfaultfd: true, missing: [], error: '' })
  t.ok(features.includes('poison'))
  t.same(
    native.errors.map(({ name }) => name),
    ERROR_NAMES,
    'the list in ts/base is the one in native/abi',
  )
  t.same(native.repeated, { Change, FaultKind, RECORD_WIDTH })
  t.end()
})
