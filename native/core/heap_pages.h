/* heap_pages.h: the daemon's side of abi/heap_pages.h.
 *
 * The daemon keeps in its own memory which chunks are spans of this node, and of which class. It waits for
 * nobody, and whatever processes have written here, the answers are within the bounds told below. Functions
 * that touch a span want one that was given. */
#ifndef GSHM_CORE_HEAP_PAGES_H
#define GSHM_CORE_HEAP_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/heap_pages.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gshm_heap_pages {
  int fd; /* of the memfd, sealed against resizing; -1 once closed */
  unsigned char *records;
  size_t length;
  uint64_t chunks;
  uint32_t span_bytes;
};

/* Records of `chunks` chunks of `span_bytes` bytes each, none a span. 0 or a negative errno (EINVAL: no such
 * numbers). `name` shows in /proc. Memory is taken by spans alone. */
int gshm_heap_pages_open(struct gshm_heap_pages *pages, const char *name, uint64_t chunks, uint32_t span_bytes);
void gshm_heap_pages_close(struct gshm_heap_pages *pages);

/* Makes the chunk a span without allocated blocks. 0 or a negative errno (the host has no memory). */
int gshm_heap_pages_give(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t generation,
                         uint32_t owner);
/* Gives the span, with the blocks that are allocated in it, to another owner. */
void gshm_heap_pages_pass(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t generation,
                          uint32_t owner);
/* Takes the span away if no block of it is allocated: it is none any more, in `generation`, which none had before. */
bool gshm_heap_pages_seize(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t generation);
/* Blocks allocated: at most as many as the span has room for. */
uint32_t gshm_heap_pages_count(const struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number);
/* Frees, or only looks for, the block that begins `offset` bytes into the span. false: none is allocated there. */
bool gshm_heap_pages_free(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t offset);
bool gshm_heap_pages_look(const struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t offset);

#ifdef __cplusplus
}
#endif
#endif
