/* parmacs_memory.c: the segments of a job, and where a rank has them.
 *
 * What G_MALLOC gives is the heap of one segment, which every rank maps at one address. Its consistency is what
 * GSHM_CONSISTENCY says (gshm run --consistency). It begins small, and grows as it is used up (parmacs_malloc.c). */
#include "compat/parmacs_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compat/parmacs_job.h"

#define HEAP_AT_FIRST (16ull << 20)
#define PRIVATE_MAX (1ull << 36)
#define PAGE 4096u

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

void gshm_parmacs_attach(void) {
  job->g = gshm_attach(NULL);
  if (!job->g) gshm_parmacs_fail("%s", gshm_strerror(errno));
  const char *wrong = gshm_image_open(&job->image);
  if (wrong) gshm_parmacs_fail("%s", wrong);
}

static uint64_t globals_length(void) {
  uint64_t bits = (gshm_image_bits(&job->image) + PAGE - 1) / PAGE * PAGE;
  return 2 * gshm_image_span(&job->image) + bits;
}

static gshm_segment *made(const char *what, uint64_t size, const gshm_options *options) {
  char name[64];
  gshm_parmacs_name(name, what);
  gshm_segment *s = gshm_create_with(job->g, name, size, 0, options);
  if (!s) gshm_parmacs_refused(strcmp(what, "heap") == 0 ? "G_MALLOC memory (GSHM_CONSISTENCY, gshm run --consistency)" : what);
  return s;
}

static gshm_segment *opened(const char *what) {
  char name[64];
  gshm_parmacs_name(name, what);
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

void gshm_parmacs_make_memory(void) {
  const char *consistency = getenv("GSHM_CONSISTENCY");
  gshm_options heap = {.consistency = consistency && *consistency ? consistency : NULL, .max_size = GSHM_PARMACS_HEAP_MAX};
  job->heap = made("heap", HEAP_AT_FIRST, &heap);
  gshm_options globals = {.consistency = "mrsw"};
  job->globals = made("globals", globals_length(), &globals);
  job->copy.written = calloc(1, gshm_image_bits(&job->image));
  if (!job->copy.written) gshm_parmacs_fail("no memory");
  map_memory();
  if (job->ranks == 1) return;
  gshm_options copies = {.consistency = "mrsw", .max_size = PRIVATE_MAX};
  job->private_copy = made("private", PAGE, &copies);
  map_private_copy();
}

void gshm_parmacs_open_memory(void) {
  job->heap = opened("heap");
  job->globals = opened("globals");
  map_memory();
  job->private_copy = opened("private");
  map_private_copy();
}
