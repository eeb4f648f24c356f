/* parmacs_shared.c: global variables that all ranks share, for programs that were written for threads.
 *
 * Those are the programs that say CREATE(function, processes), as the macros over pthreads have it; CREATE(function) is fork's.
 * GSHM_GLOBALS says otherwise for either.
 *
 * The pages of the executable's variables are replaced by a view of the segment in which a CREATE would leave its copy: in rank 0 at
 * the first CREATE that shares, in another as it begins. Whole pages: what the linker has put between variables goes along, and is the
 * same in all ranks, since all have the same libraries at the same addresses. There is no way back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compat/parmacs_copies.h"
#include "compat/parmacs_job.h"

#define PAGE 4096u

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

static bool shared;

#define ELSEWHERE \
  "rank %u has its libraries elsewhere than rank 0, because the kernel places them at random and that cannot be turned off here (personality)"

/* 0: none has. */
static uint32_t rank_with_libraries_elsewhere(void) {
  for (uint32_t rank = job->ranks - 1; rank > 0; rank--)
    if (gshm_parmacs_cell(rank)->library_at != gshm_parmacs_cell(0)->library_at) return rank;
  return 0;
}

/* Each rank works on with its copy then, which is enough for a program whose globals only main writes. */
static void tell_that_they_are_copied(uint32_t elsewhere) {
  static bool told;
  if (!told)
    fprintf(stderr, "gshm: PARMACS: what a rank writes to a global variable after CREATE the others do not see: " ELSEWHERE "\n", elsewhere);
  told = true;
}

bool gshm_parmacs_globals_are_shared(bool of_threads) {
  const char *how = getenv("GSHM_GLOBALS");
  bool told = how && *how;
  if (told && strcmp(how, "copied") != 0 && strcmp(how, "shared") != 0)
    gshm_parmacs_fail("GSHM_GLOBALS='%s' in the environment: copied or shared", how);
  if (shared) return true;
  if (told ? strcmp(how, "copied") == 0 : !of_threads) return false;
  uint32_t elsewhere = rank_with_libraries_elsewhere();
  if (elsewhere == 0) return true;
  if (told) gshm_parmacs_fail("GSHM_GLOBALS=shared: " ELSEWHERE, elsewhere);
  tell_that_they_are_copied(elsewhere);
  return false;
}

bool gshm_parmacs_has_shared_globals(void) { return shared; }

/* The segment is zeros where no CREATE has left a copy in it. Programs have more zeros than anything else: structures for as many
 * processes as there may ever be. */
static void fill(const char *from, size_t length) {
  for (size_t number = 0; number < length / PAGE; number++) {
    bool written = job->copy.written[number / 64] >> number % 64 & 1;
    if (written || !gshm_image_is_zero(from + number * PAGE, PAGE))
      memcpy(job->copy.bytes + number * PAGE, from + number * PAGE, PAGE);
  }
}

void gshm_parmacs_share_globals(void) {
  if (shared) return;
  shared = true;
  void *from = (void *)job->image.from;
  size_t length = gshm_image_span(&job->image);
  if (job->rank == 0) fill(from, length);
  if (munmap(from, length) == 0 && gshm_map(job->globals, from, 0, length)) return;
  /* stderr is a variable of the program's, perhaps. */
  char text[512];
  int said = snprintf(text, sizeof text, "gshm: PARMACS: global variables cannot be shared: %s\n", gshm_strerror(errno));
  (void)!write(STDERR_FILENO, text, (size_t)said);
  _exit(1);
}
