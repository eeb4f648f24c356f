/* parmacs_shared.c: global variables that all ranks share, for programs that were written for threads.
 *
 * The pages of the executable's variables are replaced by a view of the segment in which a CREATE would leave its copy: in rank 0 at
 * the first CREATE, in another as it begins. Whole pages: what the linker has put between variables goes along, and is the same in
 * all ranks, since all have the same libraries at the same addresses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compat/parmacs_job.h"

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

bool gshm_parmacs_globals_are_shared(void) {
  const char *how = getenv("GSHM_GLOBALS");
  if (!how || !*how || strcmp(how, "copied") == 0) return false;
  if (strcmp(how, "shared") != 0) gshm_parmacs_fail("GSHM_GLOBALS='%s' in the environment: copied or shared", how);
  for (uint32_t rank = 1; rank < job->ranks; rank++)
    if (gshm_parmacs_cell(rank)->library_at != gshm_parmacs_cell(0)->library_at)
      gshm_parmacs_fail("GSHM_GLOBALS=shared: rank %u has its libraries elsewhere than rank 0, because the kernel places "
                        "them at random and that cannot be turned off here (personality)",
                        rank);
  return true;
}

void gshm_parmacs_share_globals(void) {
  static bool shared;
  if (shared) return;
  shared = true;
  void *from = (void *)job->image.from;
  size_t length = gshm_image_span(&job->image);
  if (job->rank == 0) memcpy(job->copy.bytes, from, length);
  if (munmap(from, length) == 0 && gshm_map(job->globals, from, 0, length)) return;
  /* stderr is a variable of the program's, perhaps. */
  char text[512];
  int said = snprintf(text, sizeof text, "gshm: PARMACS: global variables cannot be shared: %s\n", gshm_strerror(errno));
  (void)!write(STDERR_FILENO, text, (size_t)said);
  _exit(1);
}
