/* heap_pages.h: spans, and their bitmaps, in control pages that gshmd and a node's registered processes share.
 *
 * A segment is divided into chunks of one size. The home of its heap leases a chunk to a node, as a span
 * of blocks of one size; there it belongs to one process, which allocates from it by setting bits, and any
 * process of the node frees by clearing them: one compare-and-swap each, no system call, no message.
 *
 * Each word of a bitmap has the span's generation in its upper half. Who takes a span away counts that up, in
 * all words: an owner that did not notice finds another generation, and its compare-and-swap fails. So the
 * daemon waits for nobody. Freeing heeds no generation: a block that is allocated keeps its span where it is.
 *
 * Processes may scribble here. That breaks the segment's heap on this node; the daemon knows from memory of its
 * own which spans there are, of what size of block, and believes nothing here but bits (core/heap_pages.c). */
#ifndef GSHM_ABI_HEAP_PAGES_H
#define GSHM_ABI_HEAP_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "page.h"

#define GSHM_SPAN_BYTES_MIN GSHM_PAGE_SIZE
#define GSHM_SPAN_BYTES_MAX 65536u
#define GSHM_SPAN_BLOCK_MAX 4096u /* larger blocks lie in no span */
#define GSHM_SPAN_LEAST_BLOCKS 4u /* a span has room for so many */
#define GSHM_SPAN_GRANULE 16u

/* Sizes of blocks: multiples of 16 up to 128, from there on four for each power of two. */
#define GSHM_SPAN_SIZES(X)                                                                        \
  X(16) X(32) X(48) X(64) X(80) X(96) X(112) X(128) X(160) X(192) X(224) X(256) X(320) X(384)     \
  X(448) X(512) X(640) X(768) X(896) X(1024) X(1280) X(1536) X(1792) X(2048) X(2560) X(3072)      \
  X(3584) X(4096)
#define GSHM_SPAN_CLASSES 28u

struct gshm_span {
  uint32_t class_plus_one; /* 0: the chunk is no span of this node's; read it with acquire */
  uint32_t generation;     /* never 0 in a span */
  uint32_t owner;          /* the daemon's number for a process, 0: nobody; for people to look at */
  uint8_t reserved[52];    /* a cache line */
  uint64_t words[];        /* generation << 32 | bits; bit n % 32 of word n / 32: block n is allocated */
};

/* Bytes from one chunk's record to the next. */
static inline size_t gshm_span_stride(uint32_t span_bytes) {
  return sizeof(struct gshm_span) + (size_t)span_bytes / GSHM_SPAN_GRANULE / 32 * sizeof(uint64_t);
}

static inline uint32_t gshm_span_size_of(uint32_t class_number) {
#define X(size) size##u,
  static const uint32_t sizes[GSHM_SPAN_CLASSES] = {GSHM_SPAN_SIZES(X)};
#undef X
  return sizes[class_number];
}

/* The class of the smallest blocks that have `bytes` bytes, 1 to GSHM_SPAN_BLOCK_MAX. */
static inline uint32_t gshm_span_class_of(uint64_t bytes) {
  uint32_t last = (uint32_t)bytes - 1;
  if (last < 128) return last / 16;
  uint32_t log2 = 31 - (uint32_t)__builtin_clz(last);
  return 8 + (log2 - 7) * 4 + ((last >> (log2 - 2)) & 3);
}

/* Which block begins `offset` bytes into a span; UINT32_MAX: none does. */
static inline uint32_t gshm_span_block_at(uint32_t class_number, uint32_t offset) {
  /* Exact for offsets below 2^16 and these sizes: the error is below offset * size / 2^32 < 1 / size. */
#define X(size) (uint32_t)(((1ull << 32) + size - 1) / size),
  static const uint32_t inverses[GSHM_SPAN_CLASSES] = {GSHM_SPAN_SIZES(X)};
#undef X
  uint32_t block = (uint32_t)((uint64_t)offset * inverses[class_number] >> 32);
  return block * gshm_span_size_of(class_number) == offset ? block : UINT32_MAX;
}

/* Words of a bitmap. Bits beyond the last block are set. */
static inline uint32_t gshm_span_words(uint32_t class_number, uint32_t span_bytes) {
  return (span_bytes / gshm_span_size_of(class_number) + 31) / 32;
}

#endif
