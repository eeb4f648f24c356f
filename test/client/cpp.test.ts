/** gshm.hpp: containers that several nodes share, locks in the standard guards, and what is refused. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { segments } from '../../ts/client/inspect.js'
import { projectRoot } from '../../ts/project/index.js'
import { startCluster, startNode } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const run = promisify(execFile)

for (const consistency of ['mrsw', 'lrc']) {
  t.test(`gshm.hpp: containers are whole at different addresses on two nodes (${consistency})`, async (t) => {
    const cluster = await startCluster(t, 2)
    const rounds = 100
    const addresses = ['0x100000000000', '0x234567800000', '0x300000001000']
    const ends = await Promise.all(
      addresses.map((address, i) =>
        cluster.run(i % 2, 'containers', [address, consistency, String(addresses.length), String(rounds)]),
      ),
    )
    const turns = addresses.length * rounds
    for (const [i, end] of ends.entries()) {
      t.match(end, { status: 0, stdout: `${addresses[i]} ${(turns * (turns - 1)) / 2}\n`, stderr: '' })
    }
    t.match(segments(cluster.socket(0)), [{ holders: 0, heapBytes: 0, heapBlocks: 0 }, { holders: 0 }], 'all is freed')
  })
}

for (const consistency of ['mrsw', 'lrc']) {
  t.test(
    `gshm.hpp: two processes on two nodes meet by conditions, semaphores, words and counters (${consistency})`,
    async (t) => {
      const cluster = await startCluster(t, 2)
      const rounds = 40
      const run = (me: number) => cluster.run(me, 'meetings', [me, consistency, rounds].map(String))
      const passed = (rounds * (rounds + 1)) / 2
      const stdout = `passed ${passed}\nsaid ${2 * rounds}, told ${2 * rounds}, counted ${4 * rounds}\n`
      for (const end of await Promise.all([run(0), run(1)])) t.match(end, { status: 0, stdout, stderr: '' })
    },
  )
}

t.test('gshm.hpp: bad input has defined results', async (t) => {
  const node = await startNode(t)
  const { status, stdout, stderr } = await node.run(0, 'refusals')
  t.equal(stderr, '')
  t.equal(status, 0)
  t.strictSame(stdout.trimEnd().split('\n'), [
    'no daemon: NO_DAEMON',
    'created twice: EXISTS',
    'not there: NOT_FOUND',
    'beyond the segment: BEYOND_END',
    'beyond the view: BEYOND_END',
    'far beyond the view: BEYOND_END',
    'misaligned: INVALID',
    'address of a local: NOT_MAPPED',
    'pointer of no segment: NOT_MAPPED',
    'mapped over itself: OVERLAP',
    'too much: bad_alloc ERR_GSHM_HEAP_FULL',
    'more than there is: std::bad_array_new_length',
    'free of a local: NOT_ALLOCATED',
    'free of null: NOT_ALLOCATED',
    'free inside: NOT_ALLOCATED',
    'free: nothing',
    'free twice: NOT_ALLOCATED',
    'no bytes: INVALID',
    '2^63 bytes: HEAP_FULL',
    'no unit: INVALID',
    'an alignment that is no power of two: INVALID',
    'free of an interior address: NOT_ALLOCATED',
    'realloc of an interior address: NOT_ALLOCATED',
    'free of an address: nothing',
    'free of it again: NOT_ALLOCATED',
    'allocator of a part: NOT_MAPPED',
    'aligned: nothing',
    'a constructor that throws: BEYOND_END',
    'blocks left: 0',
    'unlock of what is free: NOT_HOLDER',
    'recursion: DEADLOCK',
    'recursion, tried: DEADLOCK',
    'tried by another thread: 0',
    'tried for a while: 0',
    'tried until: 0',
    'unlock by another: NOT_HOLDER',
    'unlock: nothing',
    'unlock twice: NOT_HOLDER',
    'locked together: nothing',
    'tried for ages: nothing',
    'a name too long: NAME_TOO_LONG',
    'an empty name: NAME_INVALID',
    'a barrier of none: INVALID',
    'a barrier of one: nothing',
    'a barrier of two, tried: 0',
    'a barrier of two, for a while: 0',
    'a barrier destroyed: nothing',
    'shown: 4096 of 1048576',
    'more than it may have: BEYOND_END',
    'allocated from what is too small: bad_alloc ERR_GSHM_HEAP_FULL',
    'allocated after it has grown: nothing',
    'unlock of a reader-writer lock that is free: NOT_HOLDER',
    'recursion to write: DEADLOCK',
    'read together: 1',
    'written meanwhile: 0 0',
    'read meanwhile: 0',
    'a wait without the mutex: NOT_HOLDER',
    'destroy of a mutex that is held: BUSY',
    'a wait without it, and its guard does not know: NOT_HOLDER',
    'it has the mutex: 1',
    'a condition of no name: NAME_INVALID',
    'a unit of no semaphore: NOT_FOUND',
    'units for no semaphore: NOT_FOUND',
    'the value of no semaphore: NOT_FOUND',
    'a semaphore of 2^31 units: INVALID',
    'a unit more than there can be: LIMIT',
    'no units: INVALID',
    'destroy of a semaphore: nothing',
    'destroy of it again: NOT_FOUND',
    'destroy of a counter that is not there: NOT_FOUND',
    'destroy of a reader-writer lock that is held: BUSY',
    'destroy of one that is free: nothing',
    'wrapped: -1',
    'a wait at no word: MISALIGNED',
    'a wait at a local: NOT_MAPPED',
    'a notify at a local: NOT_MAPPED',
    'a wait for what has another value: nothing',
    'unmapped after a move: NOT_MAPPED',
    'unmap: nothing',
    'unmap twice: NOT_MAPPED',
    'allocated from a view that is gone: NOT_MAPPED',
    'detach: nothing',
    'detach twice: DETACHED',
    'size after detach: DETACHED',
    'lock after detach: DETACHED',
    'notify after detach: DETACHED',
    'count after detach: DETACHED',
    'attached again: NOT_FOUND',
    'the old one: DETACHED',
  ])
})

t.test('gshm.hpp: who gets the lock of a holder that died is told, once', async (t) => {
  const cluster = await startCluster(t, 2)
  const probe = await Probe.start(cluster.socket(1))
  await probe.ok('lock', 'held')
  await probe.kill()
  const told = await cluster.run(0, 'refusals', ['holder'])
  t.match(told, { status: 0, stdout: /^owner_died 1\nthen 0$/m, stderr: '' })
  const after = await cluster.run(1, 'refusals', ['holder'])
  t.match(after, { status: 0, stdout: /^owner_died 0\nthen 0$/m, stderr: '' })
})

t.test('gshm.hpp: containers that keep plain pointers do not compile, and gshm.h does not come before', async (t) => {
  const dir = t.testdir()
  const compile = async (body: string, ...options: string[]) => {
    const file = join(dir, 'part.cc')
    writeFileSync(file, body)
    const include = `-I${join(projectRoot(), 'native/client')}`
    return run('g++', ['-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-pedantic', include, ...options, file])
  }
  const use = (type: string) =>
    `#include <gshm.hpp>\n#include <deque>\n#include <set>\n#include <unordered_set>\n` +
    `void f(const gshm::view &v) { ${type} c{gshm::allocator<int>(v)}; c.insert(c.end(), 1); }\n`
  const a = 'gshm::allocator'
  for (const standard of ['-std=c++17', '-std=c++20'])
    await t.resolves(compile(use(`std::vector<int, ${a}<int>>`), standard))
  await t.resolves(compile(use(`std::deque<int, ${a}<int>>`), '-std=c++17'))
  for (const type of [
    `std::set<int, std::less<int>, ${a}<int>>`,
    `std::list<int, ${a}<int>>`,
    `std::unordered_set<int, std::hash<int>, std::equal_to<int>, ${a}<int>>`,
  ]) {
    await t.rejects(compile(use(type), '-std=c++17'), { message: /keeps plain pointers in its nodes/ }, type)
  }
  await t.rejects(compile('#include <gshm.h>\n#include <gshm.hpp>\n'), { message: /include gshm.hpp before gshm.h/ })
})
