/* trap_state.h: what the files of the trap share, and nobody else. */
#ifndef GSHM_CLIENT_TRAP_STATE_H
#define GSHM_CLIENT_TRAP_STATE_H

#include <pthread.h>
#include <stdbool.h>

#include "abi/trap.h"

struct gshm_trap_shared {
  struct gshm_trap_page *_Atomic page; /* NULL: this process is not registered so */
  int bell;
  _Atomic unsigned inside; /* handlers that may use the page */
  _Atomic unsigned swaps;  /* views that give way to memory that threads use on: gshm_trap_swap_begin */
};
extern struct gshm_trap_shared gshm_trap_state;

/* The page, or NULL; it stays mapped until gshm_trap_leave. From a handler. */
struct gshm_trap_page *gshm_trap_enter(void);
void gshm_trap_leave(void);
/* trap_ranges.c's part of gshm_trap_fork_child. */
void gshm_trap_range_fork_child(void);

#endif
