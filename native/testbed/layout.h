/* layout.h: what the testbed's workers share, and how they run. ts/testbed/layout.ts has the same
 * numbers; native/testbed/worker.c and ts/testbed/worker.ts are the same program twice.
 *
 *   worker --worker I --workers N --seconds S --seed X --max-size B --segment NAME [--inject FAULT]
 *          [--consistency M] [--manager K] [--unit U]
 *
 * Three segments, opened or created by everybody. The first is of that model; the other two are the
 * check's own, which needs atomic bytes and words, and always mrsw with a fixed manager:
 *   NAME           the heap: blocks of random sizes, allocated here and freed there
 *   NAME.marks     one byte for each 16 bytes of the heap: 1 while a block covers them. Claimed by an
 *                  atomic exchange once a block is allocated, given back before it is freed: whoever
 *                  finds a 1 where it claims, or a 0 where it gives back, has found an overlap. This
 *                  check knows nothing of the blocks' contents.
 *   NAME.control   page 0: each worker's node, written before the first barrier; how many blocks it
 *                  allocated and freed, written before the last. Then one page for each ring.
 *
 * A ring takes blocks from one producer to one consumer: `tail` and `head` count blocks put and
 * taken; `closed` says that the producer will put no more. Worker p's partners are the next workers
 * after it, round and round, that are on another node: PARTNERS of them at most; any others, itself
 * too, only when the cluster has one node. Nobody waits for room in a ring, everybody empties the
 * rings towards itself, so all rings end empty.
 *
 * Under lrc a block's bytes become known with a lock, not with the ring's words: a put and a take each
 * happen under a lock of that ring, which makes one a release and the other an acquire. Whether there is
 * anything to take, or room, is looked up without it: it stays true until the same worker changes it,
 * and to find nothing, which is what happens most, costs no lock.
 *
 * A block begins with HEADER bytes that say who it is (offset, size, writer, the writer's serial
 * number); the rest follows from a generator that starts from these four. The consumer compares every
 * byte; some blocks are resized, compared as far as they reach, filled again and sent on.
 *
 * At its end a worker prints one line of JSON: ts/testbed/workers.ts, WorkerReport. */
#ifndef GSHM_TESTBED_LAYOUT_H
#define GSHM_TESTBED_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

#define WORKERS_MAX 256
#define PARTNERS 4
#define RING_SLOTS 16
#define PAGE 4096
#define GRANULE 16 /* bytes of the heap for one mark */
#define HEADER 16
#define SIZE_LEAST 32
#define HEAP_LEAST (16u << 20)
#define HEAP_MOST (2u << 30)
#define HEAP_BLOCKS 8 /* blocks of --max-size that the heap has room for, at least */

struct tally {
  uint32_t allocated, freed;
};

struct control {
  uint32_t node[WORKERS_MAX];
  uint32_t unused[(PAGE / 2 - WORKERS_MAX * 4) / 4];
  struct tally tally[WORKERS_MAX];
};

struct slot {
  uint32_t offset, size, writer, serial;
};

struct ring {
  _Atomic uint32_t head;
  uint32_t pad1[15];
  _Atomic uint32_t tail;
  _Atomic uint32_t closed;
  uint32_t pad2[14];
  struct slot slots[RING_SLOTS];
};

_Static_assert(sizeof(struct control) == PAGE && sizeof(struct ring) <= PAGE, "as ts/testbed/layout.ts has them");
#endif
