/* parmacs_static.c: libgshm_parmacs.a, what a static executable is linked with, to be told that it cannot be one. Ranks have
 * libgshm's state apart from the program's variables, which CREATE overwrites; in one static image both are the same.
 *
 * A position-independent one (-static-pie) has to be told sooner: glibc refuses to relocate it, because of the -rpath among the link
 * options, by an assertion that fails before anything works that would be needed to say so, and the process crashes. So what is said
 * is said without relocations, thread-local storage or errno. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern char **environ __attribute__((visibility("hidden"))); /* found without the GOT, which is not relocated yet */

/* Of rank 0, or outside of a run. */
static int is_first(void) {
  static const char name[] = "GSHM_RANK=";
  for (char **variable = environ; variable && *variable; variable++) {
    size_t same = 0;
    while (same < sizeof name - 1 && (*variable)[same] == name[same]) same++;
    if (same == sizeof name - 1) return (*variable)[same] == '0' && (*variable)[same + 1] == '\0';
  }
  return 1;
}

static __attribute__((constructor)) void refuse(void) {
  static const char text[] =
      "gshm: PARMACS: this program is a static executable, and ranks must be dynamic ones: link it without -static or -static-pie\n";
  static const struct timespec until_the_run_ends = {.tv_sec = 5}; /* gshm run ends the others once rank 0 has said it */
  if (is_first()) syscall(SYS_write, STDERR_FILENO, text, sizeof text - 1);
  else syscall(SYS_nanosleep, &until_the_run_ends, NULL);
  syscall(SYS_exit_group, 1);
}

/* In place of glibc's, which only a position-independent executable has. */
void _dl_relocate_static_pie(void);
__attribute__((weak)) void _dl_relocate_static_pie(void) { refuse(); }

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
STUB(gshm_parmacs_monitor_init)
STUB(gshm_parmacs_monitor_enter)
STUB(gshm_parmacs_monitor_exit)
STUB(gshm_parmacs_monitor_delay)
STUB(gshm_parmacs_monitor_continue)
STUB(gshm_parmacs_subscripts_init)
STUB(gshm_parmacs_subscript)
STUB(gshm_parmacs_release)
STUB(gshm_parmacs_acquire)
STUB(gshm_parmacs_clock)
STUB(gshm_parmacs_rank)
STUB(__wrap_free)
STUB(__wrap_realloc)
