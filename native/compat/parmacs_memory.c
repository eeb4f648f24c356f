/* parmacs_memory.c: the segments of a job, and G_MALLOC.
 *
 * What G_MALLOC gives is the heap of one segment, which every rank maps at one address. Its consistency is what
 * GSHM_CONSISTENCY says (gshm run --consistency). It begins small, and grows as it is used up. Segments have names only
 * until all ranks have opened them: nothing is left of a job that is killed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "compat/parmacs.h"
#include "compat/parmacs_job.h"

#define HEAP_AT_FIRST (16ull << 20)
#define PRIVATE_MAX (1ull << 36)
#define PAGE 4096u

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

void gshm_parmacs_name(char into[64], const char *id, const char *what) { snprintf(into, 64, "parmacs-%s.%.40s", what, id); }

static uint64_t globals_length(void) {
  uint64_t bits = (gshm_image_bits(&job->image) + PAGE - 1) / PAGE * PAGE;
  return 2 * gshm_image_span(&job->image) + bits;
}

static gshm_segment *made(const char *id, const char *what, uint64_t size, const gshm_options *options) {
  char name[64];
  gshm_parmacs_name(name, id, what);
  gshm_segment *s = gshm_create_with(job->g, name, size, 0, options);
  if (!s) gshm_parmacs_refused(strcmp(what, "heap") == 0 ? "G_MALLOC memory (GSHM_CONSISTENCY, gshm run --consistency)" : what);
  return s;
}

static gshm_segment *opened(const char *id, const char *what) {
  char name[64];
  gshm_parmacs_name(name, id, what);
  gshm_segment *s = gshm_open(job->g, name, 0);
  if (!s) gshm_parmacs_refused(what);
  return s;
}

static void map_memory(void) {
  job->heap_length = gshm_max_size(job->heap);
  job->heap_at = gshm_at(job->heap, 0);
  if (!gshm_map(job->heap, GSHM_PARMACS_HEAP, 0, 0)) gshm_parmacs_refused("G_MALLOC memory at its one address");
  char *globals = gshm_map(job->globals, NULL, 0, 0);
  if (!globals) gshm_parmacs_refused("what ranks tell each other of global variables");
  uint64_t span = gshm_image_span(&job->image);
  job->copy.bytes = globals;
  job->own = globals + span;
  job->copy.pages = (uint64_t *)(globals + 2 * span);
  job->globals_at = gshm_at(job->globals, 0);
}

static void map_private_copy(void) {
  job->stock = gshm_map(job->private_copy, NULL, 0, 0);
  if (!job->stock) gshm_parmacs_refused("what ranks tell each other of private memory");
}

void gshm_parmacs_make_memory(const char *id) {
  const char *consistency = getenv("GSHM_CONSISTENCY");
  gshm_options heap = {.consistency = consistency && *consistency ? consistency : NULL, .max_size = GSHM_PARMACS_HEAP_MAX};
  job->heap = made(id, "heap", HEAP_AT_FIRST, &heap);
  gshm_options globals = {.consistency = "mrsw"};
  job->globals = made(id, "globals", globals_length(), &globals);
  job->copy.written = calloc(1, gshm_image_bits(&job->image));
  if (!job->copy.written) gshm_parmacs_fail("no memory");
  map_memory();
  if (job->ranks == 1) return;
  gshm_options copies = {.consistency = "mrsw", .max_size = PRIVATE_MAX};
  job->private_copy = made(id, "private", PAGE, &copies);
  map_private_copy();
}

void gshm_parmacs_open_memory(const char *id) {
  job->heap = opened(id, "heap");
  job->globals = opened(id, "globals");
  map_memory();
  job->private_copy = opened(id, "private");
  map_private_copy();
}

void gshm_parmacs_unlink_memory(const char *id) {
  static const char *const segments[] = {"control", "heap", "globals", "private"};
  for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
    char name[64];
    gshm_parmacs_name(name, id, segments[i]);
    gshm_unlink(job->g, name);
  }
}

gshm_addr gshm_parmacs_place(const void *place, void **shared, const char *what) {
  gshm_parmacs_begin();
  uint64_t in_heap = (uint64_t)((const char *)place - GSHM_PARMACS_HEAP);
  uint64_t in_image = (uintptr_t)place - job->image.from;
  if (in_heap < job->heap_length) {
    if (shared) *shared = (void *)place;
    return job->heap_at + in_heap;
  }
  if (in_image < gshm_image_span(&job->image)) {
    if (shared) *shared = job->own + in_image;
    return job->globals_at + gshm_image_span(&job->image) + in_image;
  }
  gshm_parmacs_fail("%s of something at %p, which is memory of this rank alone: it must lie in G_MALLOC memory, or be a global variable",
                    what, place);
}

/* Twice as much, or what is wanted if that is more; if that is too much, only what is wanted. */
static int grow(uint64_t wanted) {
  uint64_t size = gshm_size(job->heap);
  uint64_t least = size + wanted + (1u << 20), best = 2 * size > least ? 2 * size : least;
  if (best > job->heap_length) best = job->heap_length;
  if (gshm_resize(job->heap, best) == 0) return 0;
  return least < best ? gshm_resize(job->heap, least) : -1;
}

static gshm_addr alloc(size_t size) {
  for (;;) {
    gshm_addr block = gshm_alloc(job->heap, size);
    if (block) return block;
    uint64_t before = gshm_size(job->heap); /* another rank may have made it grow */
    if (strncmp(gshm_strerror(errno), "ERR_GSHM_HEAP_FULL", strlen("ERR_GSHM_HEAP_FULL")) != 0) return 0;
    if (grow(size) != 0 && gshm_size(job->heap) == before) return 0;
  }
}

void *gshm_parmacs_malloc(size_t size) {
  gshm_parmacs_begin();
  gshm_addr block = alloc(size > 0 ? size : 1);
  if (block) return GSHM_PARMACS_HEAP + (block - job->heap_at);
  fprintf(stderr, "gshm: PARMACS: G_MALLOC of %zu bytes: %s\n", size, gshm_strerror(errno));
  return NULL;
}

void gshm_parmacs_free(void *block) {
  if (!block) return;
  gshm_parmacs_begin();
  uint64_t offset = (uint64_t)((char *)block - GSHM_PARMACS_HEAP);
  if (offset >= job->heap_length) gshm_parmacs_fail("G_FREE of %p, which G_MALLOC did not give", block);
  if (gshm_free(job->heap, job->heap_at + offset) != 0) gshm_parmacs_refused("G_FREE");
}

void gshm_parmacs_release(void) {
  gshm_parmacs_begin();
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (gshm_release(job->heap, 0, gshm_size(job->heap)) != 0) gshm_parmacs_refused("RELEASE_FENCE");
}

void gshm_parmacs_acquire(void) {
  gshm_parmacs_begin();
  if (gshm_acquire(job->heap, 0, gshm_size(job->heap)) != 0) gshm_parmacs_refused("ACQUIRE_FENCE");
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
