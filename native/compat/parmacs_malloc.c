/* parmacs_malloc.c: MAIN_INITENV, G_MALLOC, and fences of what it gave. A program that is not one of several ranks attaches with the
 * first of these calls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat/parmacs.h"
#include "compat/parmacs_job.h"
#include "compat/parmacs_memory.h"

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

void gshm_parmacs_begin(void) {
  if (job->begun) return;
  gshm_parmacs_attach();
  snprintf(job->id, sizeof job->id, "n%u-%d", gshm_node(job->g), (int)getpid());
  gshm_parmacs_make_memory();
  gshm_parmacs_unlink();
  job->begun = true;
}

/* Twice as much, or what is wanted if that is more; if that is too much, only what is wanted. */
static int grow(uint64_t wanted) {
  uint64_t size = gshm_size(job->heap);
  uint64_t least = size + wanted + (1u << 20), best = 2 * size > least ? 2 * size : least;
  if (best > job->heap_length) best = job->heap_length;
  if (gshm_resize(job->heap, best) == 0) return 0;
  return least < best ? gshm_resize(job->heap, least) : -1;
}

/* 0 in `old`: a new block. */
static void *allocate(gshm_addr old, size_t size, const char *what) {
  const size_t wanted = size > 0 ? size : 1;
  for (;;) {
    gshm_addr block = old ? gshm_realloc(job->heap, old, wanted) : gshm_alloc(job->heap, wanted);
    if (block) return GSHM_PARMACS_HEAP + (block - job->heap_at);
    uint64_t before = gshm_size(job->heap); /* another rank may have made it grow */
    if (strncmp(gshm_strerror(errno), "ERR_GSHM_HEAP_FULL", strlen("ERR_GSHM_HEAP_FULL")) != 0) break;
    if (grow(wanted) != 0 && gshm_size(job->heap) == before) break;
  }
  fprintf(stderr, "gshm: PARMACS: %s of %zu bytes: %s\n", what, size, gshm_strerror(errno));
  return NULL;
}

/* The end of the program, where it is none of G_MALLOC's. */
static gshm_addr address_of(const void *block, const char *what) {
  if (!gshm_parmacs_in_heap(block)) gshm_parmacs_fail("%s of %p, which G_MALLOC did not give", what, block);
  return job->heap_at + (uint64_t)((const char *)block - GSHM_PARMACS_HEAP);
}

void *gshm_parmacs_malloc(size_t size) {
  gshm_parmacs_begin();
  return allocate(0, size, "G_MALLOC");
}

void gshm_parmacs_free(void *block) {
  if (!block) return;
  gshm_parmacs_begin();
  if (gshm_free(job->heap, address_of(block, "G_FREE")) != 0) gshm_parmacs_refused("G_FREE");
}

void *gshm_parmacs_realloc(void *block, size_t size) { return allocate(address_of(block, "realloc"), size, "realloc"); }

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
