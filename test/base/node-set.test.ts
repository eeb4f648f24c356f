import t from 'tap'
import { NODES_MAX } from '../../ts/base/ids.js'
import { addNode, bitCount, countNodes, createNodeSet, deleteNode, hasNode, listNodes } from '../../ts/base/node-set.js'

t.test('node set: holds every node that a cluster can have', async (t) => {
  const set = createNodeSet()
  for (let node = 0; node < NODES_MAX; node++) addNode(set, node)
  t.equal(countNodes(set), NODES_MAX)
  t.strictSame(
    listNodes(set),
    Array.from({ length: NODES_MAX }, (_, node) => node),
  )
  for (let node = 0; node < NODES_MAX; node += 2) deleteNode(set, node)
  t.notOk(hasNode(set, 1022))
  t.ok(hasNode(set, 1023))
  t.equal(countNodes(set), NODES_MAX / 2)
})

t.test('node set: numbers that are no node are not in it', async (t) => {
  const set = createNodeSet(0, 31, 32, 63)
  t.strictSame(listNodes(set), [0, 31, 32, 63])
  for (const number of [NODES_MAX, 0xffff, -1, 2 ** 40]) t.notOk(hasNode(set, number), String(number))
})

t.test('node set: bits are counted', async (t) => {
  for (const [word, bits] of [
    [0, 0],
    [-1, 32],
    [1 << 31, 1],
    [0x55555555, 16],
  ] as const) {
    t.equal(bitCount(word), bits)
  }
})
