/* parmacs_job.h: one run of a PARMACS program, as each of its ranks knows it, and how a rank ends that cannot go on. Every other
 * file here stands on these. */
#ifndef GSHM_COMPAT_PARMACS_JOB_H
#define GSHM_COMPAT_PARMACS_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "client/gshm.h"
#include "compat/parmacs_image.h"

/* Where G_MALLOC memory is, in every rank: above executables and what brk gives them, below libraries and stacks, also where
 * the kernel places those at random. */
#define GSHM_PARMACS_HEAP ((char *)0x680000000000)
#define GSHM_PARMACS_HEAP_MAX (1ull << 38)

/* What rank 0 tells another, and hears of it: a page of the segment `control`, which is mrsw. Locks that lie at its first
 * bytes (see parmacs_ranks.c) have no word there. */
struct gshm_parmacs_cell {
  uint64_t locks[8];
  /* by the rank itself, before they meet */
  uint64_t id_length, image_at, library_at;
  unsigned char id[GSHM_IMAGE_ID_MAX];
  /* by rank 0 */
  uint64_t function;
  uint64_t shares; /* globals are not copied, but shared */
  uint64_t heap_from, heap_to, heap_pages; /* what it has from malloc, and pages of it in `private_copy` */
  _Atomic uint32_t created; /* how often it has been told to run a function */
  /* by the rank */
  _Atomic uint32_t begun; /* it has rank 0's variables, for that time */
  _Atomic uint32_t gone;  /* its process has ended */
};

struct gshm_parmacs_job {
  char id[41]; /* of this run; segments are named after it */
  bool begun;  /* it has its memory */
  uint64_t dealings; /* how often this rank has had to do with the others: what has been created before the last may be at its end */
  uint32_t rank, ranks;
  gshm *g;
  struct gshm_image image;
  gshm_segment *control, *heap;
  gshm_segment *globals; /* rank 0's variables as a CREATE left them; behind those, what belongs to locks among them */
  gshm_segment *private_copy; /* of what rank 0 has from malloc */
  char *cells;
  char *stock; /* view of private_copy */
  struct gshm_image_copy copy; /* views of `globals` */
  char *own;               /* for each byte of the image one that all ranks share */
  gshm_addr heap_at, globals_at;
  uint64_t heap_length;
};
extern struct gshm_parmacs_job gshm_parmacs_job;

/* Whether it is at an address of G_MALLOC memory. */
static inline bool gshm_parmacs_in_heap(const void *place) {
  return (uint64_t)((const char *)place - GSHM_PARMACS_HEAP) < gshm_parmacs_job.heap_length;
}
static inline struct gshm_parmacs_cell *gshm_parmacs_cell(uint32_t rank) {
  return (struct gshm_parmacs_cell *)(gshm_parmacs_job.cells + (uint64_t)rank * 4096);
}

/* The name of one of its segments. They have names only until all ranks have opened them: nothing is left of a job that is killed. */
void gshm_parmacs_name(char into[64], const char *what);
void gshm_parmacs_unlink(void);

/* A line on standard error, and the process ends with status 1. */
_Noreturn void gshm_parmacs_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same where a function of gshm.h has failed: says why. */
_Noreturn void gshm_parmacs_refused(const char *what);
/* Another rank has died: a line, and the process ends after it, so that the run has the other's status. */
_Noreturn void gshm_parmacs_died(const char *where, uint32_t rank);
/* What has happened ends another rank, and gshm run ends this one then. Whoever ended first would have it end the others, and its own
 * status would be that of the run. */
_Noreturn void gshm_parmacs_leave_it_to_the_other(void);

#endif
