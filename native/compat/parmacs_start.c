/* parmacs_start.c: how a job comes together, before any rank's main.
 *
 * Under `gshm run -n` with several ranks a constructor makes sure that this process's addresses are what the other ranks' are,
 * says so to them, and looks what they say. Rank 0 goes on to main; the others wait for CREATE, and never get there. Alone,
 * a program attaches as MAIN_INITENV comes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#include "compat/parmacs.h"
#include "compat/parmacs_copies.h"
#include "compat/parmacs_job.h"
#include "compat/parmacs_memory.h"
#include "compat/parmacs_ranks.h"

#define RANKS_MAX 4096u
#define MEET_NS (60 * 1000000000ll) /* so long ranks wait for each other to start */
#define AGAIN "GSHM_PARMACS_AGAIN"  /* in the environment: this process has executed itself to have fixed addresses */

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

static uint32_t number_of(const char *name, uint32_t most) {
  const char *text = getenv(name);
  char *end = NULL;
  unsigned long number = text && *text ? strtoul(text, &end, 10) : 0;
  if (!end || *end != '\0' || number > most)
    gshm_parmacs_fail("%s='%s' in the environment is no number up to %u", name, text ? text : "", most);
  return (uint32_t)number;
}

/* Has the kernel place all at the same addresses each time, if it lets us. Executes the program again if need be. */
static void fix_addresses(char **arguments) {
  int persona = personality(0xffffffff);
  if (persona != -1 && persona & ADDR_NO_RANDOMIZE) {
    unsetenv(AGAIN);
    return;
  }
  if (getenv(AGAIN) || persona == -1 || personality((unsigned long)persona | ADDR_NO_RANDOMIZE) == -1) return;
  setenv(AGAIN, "1", 1);
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length > 0) {
    path[length] = '\0';
    execv(path, arguments);
  }
  execv("/proc/self/exe", arguments); /* it may have been removed */
}

/* All are there, or they end. */
static void meet(unsigned which) {
  gshm_key key = gshm_located(gshm_at(job->control, which * sizeof(uint64_t)));
  if (gshm_barrier_wait(job->g, key, job->ranks, 0, MEET_NS) == 0) return;
  if (job->rank != 0) gshm_parmacs_leave_it_to_the_other(); /* rank 0 says it */
  gshm_parmacs_fail("the ranks do not come together: is each of the %u this program, linked with libgshm_parmacs? (%s)", job->ranks,
                    gshm_strerror(errno));
}

static void introduce(void) {
  struct gshm_parmacs_cell *me = gshm_parmacs_cell(job->rank);
  me->id_length = job->image.id_length;
  memcpy(me->id, job->image.id, job->image.id_length);
  me->image_at = job->image.from;
  me->library_at = (uint64_t)(uintptr_t)gshm_parmacs_begin;
}

static const char *hex(const struct gshm_parmacs_cell *cell, char into[2 * GSHM_IMAGE_ID_MAX + 1]) {
  for (size_t i = 0; i < GSHM_IMAGE_ID_MAX && i < cell->id_length; i++) sprintf(into + 2 * i, "%02x", cell->id[i]);
  return into;
}

/* What is wrong with them all is told by rank 0. */
static void look_at(uint32_t rank) {
  const struct gshm_parmacs_cell *zero = gshm_parmacs_cell(0), *cell = gshm_parmacs_cell(rank);
  if (cell->id_length != zero->id_length || memcmp(cell->id, zero->id, zero->id_length) != 0) {
    char one[2 * GSHM_IMAGE_ID_MAX + 1], other[2 * GSHM_IMAGE_ID_MAX + 1];
    if (job->rank != 0) gshm_parmacs_leave_it_to_the_other(); /* rank 0 says it */
    gshm_parmacs_fail("rank %u is not the same executable as rank 0 (build id %s, and not %s): every rank must be", rank, hex(cell, one),
                      hex(zero, other));
  }
  if (cell->image_at == zero->image_at) return;
  if (job->rank != 0) gshm_parmacs_leave_it_to_the_other(); /* rank 0 says it */
  gshm_parmacs_fail("rank %u has its global variables at %#" PRIx64 ", rank 0 at %#" PRIx64
                    ", because the kernel places programs at random and that cannot be turned off here (personality): link with -no-pie",
                    rank, cell->image_at, zero->image_at);
}

static void read_id(void) {
  const char *id = getenv("GSHM_RUN");
  if (!id || !*id) gshm_parmacs_fail("GSHM_RUN is not in the environment: start the program with gshm run -n %u", job->ranks);
  snprintf(job->id, sizeof job->id, "%s", id);
}

static void come_together(void) {
  read_id();
  char name[64];
  gshm_parmacs_name(name, "control");
  gshm_parmacs_attach();
  gshm_options options = {.consistency = "mrsw"};
  job->control = gshm_create_with(job->g, name, ((uint64_t)job->ranks + 1) * 4096, GSHM_OPEN_OR_CREATE, &options);
  if (!job->control) gshm_parmacs_refused("what ranks tell each other");
  job->cells = gshm_map(job->control, NULL, 0, 0);
  if (!job->cells) gshm_parmacs_refused("what ranks tell each other");
  introduce();
  meet(4);
  for (uint32_t rank = 1; rank < job->ranks; rank++) look_at(rank);
  if (job->rank == 0) {
    gshm_parmacs_make_memory();
    gshm_parmacs_hold_ranks();
  }
  meet(5);
  if (job->rank != 0) {
    gshm_parmacs_open_memory();
    gshm_parmacs_hold_end();
  }
  meet(6);
  if (job->rank == 0) gshm_parmacs_unlink();
  job->begun = true;
}

/* glibc gives constructors what it gives main. */
static __attribute__((constructor)) void starts(int count, char **arguments) {
  (void)count;
  if (!getenv("GSHM_RANKS")) return;
  job->ranks = number_of("GSHM_RANKS", RANKS_MAX);
  if (job->ranks <= 1) {
    job->ranks = 1;
    return;
  }
  job->rank = number_of("GSHM_RANK", job->ranks - 1);
  fix_addresses(arguments);
  come_together();
  if (job->rank != 0) gshm_parmacs_serve();
  gshm_parmacs_set_heap_apart();
}
