/* parmacs_static.c: libgshm_parmacs.a, what a static executable is linked with, to be told that it cannot be one. Ranks have
 * libgshm's state apart from the program's variables, which CREATE overwrites; in one static image both are the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __attribute__((constructor)) void refuse(void) {
  static const char text[] =
      "gshm: PARMACS: this program is a static executable, and ranks must be dynamic ones: link it without -static\n";
  const char *rank = getenv("GSHM_RANK");
  if (!rank || strcmp(rank, "0") == 0) (void)!write(STDERR_FILENO, text, sizeof text - 1);
  else sleep(5); /* gshm run ends the others once rank 0 has said it */
  _exit(1);
}

/* Whatever of parmacs.h a program calls brings this file, and what else it has. */
#define STUB(name) \
  void name(void); \
  void name(void) { abort(); }
STUB(gshm_parmacs_begin)
STUB(gshm_parmacs_malloc)
STUB(gshm_parmacs_free)
STUB(gshm_parmacs_create)
STUB(gshm_parmacs_create_all)
STUB(gshm_parmacs_wait_for_end)
STUB(gshm_parmacs_lock)
STUB(gshm_parmacs_unlock)
STUB(gshm_parmacs_barrier)
STUB(gshm_parmacs_barrier_init)
STUB(gshm_parmacs_set)
STUB(gshm_parmacs_clear)
STUB(gshm_parmacs_wait_set)
STUB(gshm_parmacs_take)
STUB(gshm_parmacs_give)
STUB(gshm_parmacs_units)
STUB(gshm_parmacs_down)
STUB(gshm_parmacs_up)
STUB(gshm_parmacs_condition_wait)
STUB(gshm_parmacs_condition_wake)
STUB(gshm_parmacs_subscripts_init)
STUB(gshm_parmacs_subscript)
STUB(gshm_parmacs_release)
STUB(gshm_parmacs_acquire)
STUB(gshm_parmacs_clock)
STUB(gshm_parmacs_rank)
STUB(__wrap_free)
STUB(__wrap_realloc)
