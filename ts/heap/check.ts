/** The invariants of a heap, for tests and the simulator; it walks every block. */
import { assert } from '../base/assert.js'
import type { Allocator } from './allocator.js'
import { GRANULE, binOf } from './bins.js'
import { NONE, at } from './blocks.js'

export function checkHeap(allocator: Allocator): void {
  const free = checkTiling(allocator)
  checkBins(allocator, free)
}

/** Blocks tile the arena in address order, no two free neighbours, sums right. Returns the free ones. */
function checkTiling(allocator: Allocator): Set<number> {
  const { blocks, slotAt } = allocator
  const free = new Set<number>()
  let slot = first(allocator)
  let previous = NONE
  let end = 0
  let usedBytes = 0
  let usedBlocks = 0
  let count = 0
  while (slot !== NONE) {
    const bytes = at(blocks.bytes, slot)
    assert(at(blocks.start, slot) === end, `block ${slot} starts at ${at(blocks.start, slot)}, not at ${end}`)
    assert(bytes >= GRANULE && bytes % GRANULE === 0, `block ${slot} has ${bytes} bytes`)
    assert(at(blocks.prev, slot) === previous, `block ${slot} does not know the block in front`)
    if (at(blocks.allocated, slot) === 1) {
      usedBytes += bytes
      usedBlocks++
      assert(slotAt.get(end) === slot, `the allocated block at ${end} cannot be found`)
    } else {
      assert(previous === NONE || !free.has(previous), `free neighbours at ${end}`)
      free.add(slot)
    }
    end += bytes
    previous = slot
    slot = at(blocks.next, slot)
    count++
  }
  assert(end === allocator.bytes, `blocks end at ${end} of ${allocator.bytes}`)
  assert(usedBytes === allocator.usedBytes, `usedBytes ${allocator.usedBytes}, found ${usedBytes}`)
  assert(usedBlocks === allocator.usedBlocks, `usedBlocks ${allocator.usedBlocks}, found ${usedBlocks}`)
  assert(slotAt.size === usedBlocks, `${slotAt.size} starts for ${usedBlocks} allocated blocks`)
  assert(count + blocks.spares === blocks.slots, `${count} blocks and ${blocks.spares} spares in ${blocks.slots} slots`)
  return free
}

/** Every free block is in the bin of its size, once, and nothing else is in a bin. */
function checkBins(allocator: Allocator, free: Set<number>): void {
  const { bins, blocks } = allocator
  let binned = 0
  bins.heads.forEach((head, bin) => {
    const bit = ((bins.maps[Math.floor(bin / 16)] as number) >> (bin % 16)) & 1
    assert(bit === (head === NONE ? 0 : 1), `the map is wrong about bin ${bin}`)
    let previous = NONE
    for (let slot = head; slot !== NONE; slot = at(blocks.freeNext, slot)) {
      assert(free.has(slot), `bin ${bin} holds block ${slot}, which is not free`)
      assert(binOf(at(blocks.bytes, slot)) === bin, `block ${slot} is in the wrong bin ${bin}`)
      assert(at(blocks.freePrev, slot) === previous, `bin ${bin} is not linked back at ${slot}`)
      previous = slot
      binned++
      assert(binned <= free.size, 'a bin runs in a circle')
    }
  })
  assert(binned === free.size, `${binned} of ${free.size} free blocks are in bins`)
}

/** The first block in address order. Slot 0 begins as it and is never merged into another. */
function first(allocator: Allocator): number {
  assert(at(allocator.blocks.start, 0) === 0 && at(allocator.blocks.prev, 0) === NONE, 'slot 0 is not the first block')
  return 0
}
