import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as layout from '../../ts/testbed/layout.js'
import { fillBlock, setMarks, wrongBytes } from '../../ts/testbed/block.js'
import { projectRoot } from '../../ts/project/index.js'

t.test("layout: the Node.js workers' numbers are the C workers'", async (t) => {
  const header = readFileSync(join(projectRoot(), 'native/testbed/layout.h'), 'utf8')
  const defined = new Map<string, number>()
  for (const [, name, value, shift] of header.matchAll(/^#define (\w+) \(?(\d+)u?(?: << (\d+)\))?/gm)) {
    defined.set(name!, Number(value) * 2 ** Number(shift ?? 0))
  }
  t.ok(defined.size >= 9)
  for (const [name, value] of defined) t.equal(layout[name as keyof typeof layout], value, name)
})

t.test('partners: on other nodes, four at most; with one node any others; alone oneself', async (t) => {
  t.same(layout.partnersOf(1, [0, 1, 2, 0, 1, 2]), [2, 3, 5, 0])
  t.same(layout.partnersOf(0, [0, 0, 0]), [1, 2])
  t.same(layout.partnersOf(0, [0]), [0])
})

t.test('blocks: every single changed byte is found, whatever the size', async (t) => {
  const bytes = new Uint8Array(512)
  const memory = { bytes, words: new Int32Array(bytes.buffer) }
  for (const size of [32, 33, 34, 35, 63, 100]) {
    const block = { offset: 64, size, writer: 3, serial: 9 }
    bytes.fill(0)
    fillBlock(memory, block)
    t.equal(wrongBytes(memory, block, 64, size), 0)
    t.ok(
      bytes.subarray(64 + size).every((byte) => byte === 0),
      'nothing is written beyond the block',
    )
    for (let at = 64; at < 64 + size; at++) {
      bytes[at]! ^= 0x40
      t.equal(wrongBytes(memory, block, 64, size), 1)
      bytes[at]! ^= 0x40
    }
    t.not(wrongBytes(memory, { ...block, serial: 10 }, 64, size), 0, "another block's pattern is another")
  }
})

t.test('marks: blocks that share 16 bytes overlap, neighbours do not', async (t) => {
  const marks = new Uint8Array(64)
  const block = (offset: number, size: number) => ({ offset, size, writer: 0, serial: 0 })
  t.ok(setMarks(marks, block(64, 33), 1))
  t.ok(setMarks(marks, block(112, 16), 1), 'the next one')
  t.notOk(setMarks(marks, block(80, 16), 1), 'inside')
  t.notOk(setMarks(marks, block(16, 64), 1), 'over the beginning')
  t.ok(setMarks(marks, block(64, 33), 0))
  t.notOk(setMarks(marks, block(64, 33), 0), 'given back twice')
})
