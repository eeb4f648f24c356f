/* parmacs_heap.c: what rank 0 has from malloc, for the others: as after a fork each has a copy, at the same addresses.
 *
 * Programs have scratch memory, tables and names from malloc, and globals that point there. Rank 0's malloc takes all it gives to
 * the program from one range of addresses: beyond a gap behind what there was before main, and nothing by mmap. The others' own
 * malloc stays in the gap, and elsewhere when that is used up; so rank 0's range is free there. The pages that are
 * not all zeros go through a segment. What is freed of a copy stays (free and realloc are called by way of this
 * file: -Wl,--wrap), because it is no memory of that rank's malloc. Both may have a block of G_MALLOC's, too: where macros are for threads
 * that is malloc, and programs take it for that. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compat/parmacs.h"
#include "compat/parmacs_copies.h"
#include "compat/parmacs_job.h"
#include "compat/parmacs_memory.h"

#define PAGE 4096u
#define GAP (64l << 20)
#define LARGEST (256u << 10) /* more than malloc has in stock before main */
#define BLOCK 512u           /* pages of the segment: one of numbers, then the pages that have these */

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

/* Of rank 0, in rank 0: what its malloc has. Elsewhere: what is mapped as a copy. */
static char *from, *to;

static bool is_copy(const void *block) { return job->rank != 0 && (const char *)block >= from && (const char *)block < to; }

/* What malloc has in stock below the gap would serve the program. */
static void use_up(size_t size) {
  for (;;) {
    void *block = malloc(size);
    if (!block) return;
    if ((char *)block >= from) {
      free(block);
      return;
    }
  }
}

void gshm_parmacs_set_heap_apart(void) {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_ARENA_MAX, 1);
  char *end = sbrk(GAP);
  if (end == (char *)-1) return; /* RLIMIT_DATA: there is no copy then */
  from = (char *)(((uintptr_t)end + GAP) & ~(uintptr_t)(PAGE - 1));
  for (size_t size = LARGEST; size >= 16; size -= 16) use_up(size);
}

static char *place_of(uint64_t number) { return job->stock + (number / (BLOCK - 1) * BLOCK + 1 + number % (BLOCK - 1)) * (uint64_t)PAGE; }
static uint64_t *index_of(uint64_t number) {
  return (uint64_t *)(job->stock + number / (BLOCK - 1) * BLOCK * (uint64_t)PAGE) + number % (BLOCK - 1);
}

/* The segment has room for so many pages. */
static bool make_room(uint64_t pages) {
  uint64_t size = (pages / (BLOCK - 1) + 1) * BLOCK * (uint64_t)PAGE;
  return size <= gshm_size(job->private_copy) || gshm_resize(job->private_copy, size) == 0;
}

void gshm_parmacs_save_heap(struct gshm_parmacs_cell *cell) {
  cell->heap_from = cell->heap_to = cell->heap_pages = 0;
  to = sbrk(0);
  if (!from || to <= from) return;
  uint64_t pages = 0;
  for (const char *page = from; page + PAGE <= to; page += PAGE) pages += !gshm_image_is_zero(page, PAGE);
  if (!make_room(pages)) {
    fprintf(stderr, "gshm: PARMACS: what the program has from malloc (%zu KiB) is not copied to other ranks: %s\n",
            (size_t)pages * PAGE / 1024, gshm_strerror(errno));
    return;
  }
  uint64_t number = 0;
  for (const char *page = from; page + PAGE <= to && number < pages; page += PAGE) {
    if (gshm_image_is_zero(page, PAGE)) continue;
    uint64_t at = (uint64_t)(page - from) / PAGE;
    if (*index_of(number) != at) *index_of(number) = at;
    if (memcmp(place_of(number), page, PAGE) != 0) memcpy(place_of(number), page, PAGE);
    number++;
  }
  cell->heap_from = (uint64_t)(uintptr_t)from;
  cell->heap_to = (uint64_t)(uintptr_t)to;
  cell->heap_pages = number;
}

void gshm_parmacs_load_heap(const struct gshm_parmacs_cell *cell) {
  char *begin = (char *)(uintptr_t)cell->heap_from, *end = (char *)(uintptr_t)cell->heap_to;
  if (to > from) madvise(from, (size_t)(to - from), MADV_DONTNEED); /* zeros again */
  if (!begin) return;
  if (!from) from = to = begin;
  end = (char *)(((uintptr_t)end + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
  if (end > to) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    void *mapped = mmap(to, (size_t)(end - to), PROT_READ | PROT_WRITE, flags, -1, 0);
    if (mapped != to) gshm_parmacs_fail("the addresses of rank 0's malloc, %p to %p, are used here", (void *)to, (void *)end);
    to = end;
  }
  for (uint64_t number = 0; number < cell->heap_pages; number++) memcpy(from + *index_of(number) * PAGE, place_of(number), PAGE);
}

GSHM_PARMACS_API void __wrap_free(void *block);
GSHM_PARMACS_API void *__wrap_realloc(void *block, size_t size);

void __wrap_free(void *block) {
  if (gshm_parmacs_in_heap(block)) gshm_parmacs_free(block);
  else if (!is_copy(block)) free(block);
}

void *__wrap_realloc(void *block, size_t size) {
  if (gshm_parmacs_in_heap(block)) return gshm_parmacs_realloc(block, size);
  if (!is_copy(block)) return realloc(block, size);
  size_t had = malloc_usable_size(block); /* what is written before it was copied, too */
  void *other = malloc(size);
  if (other) memcpy(other, block, had < size ? had : size);
  return other;
}
