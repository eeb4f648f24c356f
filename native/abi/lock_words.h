/* lock_words.h: the words of locks, in control pages that gshmd and a node's registered processes share.
 *
 * A lock whose token is on the node has a slot here. While its word is open, whoever changes it from
 * free to itself by compare-and-swap holds the lock, and gives it back by the opposite change: no
 * system call, no message, and the daemon does not know who holds it. When the daemon wants to know
 * (somebody waits, or another node wants the token) it shuts the word: nobody gets in any more, and
 * the holder, whose compare-and-swap then fails, gives the lock back shut and rings the bell: it sets
 * the slot's bit in `rung` and writes to an eventfd.
 *
 * Where a mutex goes to and fro between one process of each of two nodes they have a line (lock_line.h), and
 * GSHM_WORD_LINE says of a word that is shut:
 *   held      who gives it back may pass it on by the line: then the flag stays, and nobody is the owner
 *   awaited   the owner is no process's thread but a tag of the turn of which the token is awaited: whoever waits here, and
 *             is told of that turn by the line, changes the word to itself by compare-and-swap
 * The daemons learn of both afterwards, as of any lock that is given back, and do by their engines what has been done.
 *
 * A word names its holder, so that the daemon finds what a dead process held. Its generation is the
 * slot's, which serves one lock after another: who remembers a slot from before finds another
 * generation in it, and asks the daemon.
 *
 * Processes may scribble here. That breaks locks of this node, those of these pages; the daemon
 * believes nothing of it (core/lock_words.c). */
#ifndef GSHM_ABI_LOCK_WORDS_H
#define GSHM_ABI_LOCK_WORDS_H

#include <stdint.h>

#include "page.h"

/* A word: who holds the lock (0: nobody), whether it is shut, and the slot's generation. */
#define GSHM_WORD_HOLDER_BITS 30 /* unique in the process: a thread id, or GSHM_WORD_ASYNC and a number; never 0 */
#define GSHM_WORD_PROCESS_BITS 14 /* the daemon's small number for the process; never 0 */
#define GSHM_WORD_OWNER_BITS (GSHM_WORD_HOLDER_BITS + GSHM_WORD_PROCESS_BITS)
#define GSHM_WORD_OWNER ((1ull << GSHM_WORD_OWNER_BITS) - 1)
#define GSHM_WORD_SHUT (1ull << GSHM_WORD_OWNER_BITS)
#define GSHM_WORD_LINE (1ull << (GSHM_WORD_OWNER_BITS + 1))
#define GSHM_WORD_FLAGS (GSHM_WORD_SHUT | GSHM_WORD_LINE)
#define GSHM_WORD_GENERATION_SHIFT (GSHM_WORD_OWNER_BITS + 2)
#define GSHM_WORD_GENERATIONS (1u << (64 - GSHM_WORD_GENERATION_SHIFT))
#define GSHM_WORD_ASYNC (1u << (GSHM_WORD_HOLDER_BITS - 1)) /* no thread has such an id: pid_max is 2^22 */

#define GSHM_LOCK_SLOTS (1u << 17)
#define GSHM_LOCK_PROCESSES (1u << GSHM_WORD_PROCESS_BITS)

/* How long locks are held: all holds that the daemon begins, and every GSHM_HOLD_EVERYth of those that a
 * process begins by itself, which counts for as many. Bucket 0: less than 32 ns; bucket b: from 16 << b to twice that;
 * the last: that and more. When one is full, all are halved. */
#define GSHM_HOLD_EVERY 256u
#define GSHM_HOLD_BUCKETS 26u

struct gshm_lock_slot { /* two cache lines, of which locking touches one, but for holds that are measured */
  uint64_t word;
  uint64_t acquired; /* by compare-and-swap; its holder counts */
  uint64_t since;    /* of a hold that is measured: its beginning, see gshm_hold_began; else 0 */
  uint32_t holds[GSHM_HOLD_BUCKETS];
};

/* The clock is CLOCK_MONOTONIC in ns; its lowest bit gives way to who began the hold: 1 the daemon. */
static inline uint64_t gshm_hold_began(uint64_t now_ns, unsigned by_daemon) { return (now_ns & ~1ull) | by_daemon; }
static inline unsigned gshm_hold_bucket(uint64_t ns) {
  unsigned bits = 63u - (unsigned)__builtin_clzll(ns | 16);
  return bits - 4 < GSHM_HOLD_BUCKETS ? bits - 4 : GSHM_HOLD_BUCKETS - 1;
}
/* By the holder, who is to give the lock back. */
static inline void gshm_hold_ended(struct gshm_lock_slot *slot, uint64_t now_ns) {
  uint64_t since = slot->since;
  uint32_t *bucket = &slot->holds[gshm_hold_bucket(now_ns > since ? now_ns - since : 0)];
  uint32_t weight = since & 1 ? 1 : GSHM_HOLD_EVERY;
  if (*bucket > UINT32_MAX - weight)
    for (unsigned i = 0; i < GSHM_HOLD_BUCKETS; i++) slot->holds[i] /= 2;
  *bucket += weight;
  slot->since = 0;
}

struct gshm_lock_pages {
  uint64_t rung[GSHM_LOCK_SLOTS / 64]; /* bit n: the holder of slot n has given it back, shut */
  struct gshm_lock_slot slots[GSHM_LOCK_SLOTS];
};

static inline uint64_t gshm_word_owner(uint32_t process, uint32_t holder) {
  return (uint64_t)process << GSHM_WORD_HOLDER_BITS | holder;
}
/* The word of an open lock that nobody holds. */
static inline uint64_t gshm_word_free(uint32_t generation) {
  return (uint64_t)generation << GSHM_WORD_GENERATION_SHIFT;
}
/* The word of a lock whose token is awaited by a line. open: gshm_word_free. */
static inline uint64_t gshm_word_awaited(uint64_t open, uint64_t turn) {
  return open | GSHM_WORD_FLAGS | (1 + turn % ((1ull << GSHM_WORD_HOLDER_BITS) - 1));
}
/* Who holds it, as a word says: its owner, if that is a process's. 0: nobody. */
static inline uint64_t gshm_word_holder(uint64_t word) {
  uint64_t owner = word & GSHM_WORD_OWNER;
  return owner >> GSHM_WORD_HOLDER_BITS == 0 ? 0 : owner;
}

#endif
