/* parmacs_copies.h: what a rank that begins a function has of rank 0's private memory: global variables that are shared, and what
 * malloc gave. (Global variables that are copied: parmacs_image.h.) */
#ifndef GSHM_COMPAT_PARMACS_COPIES_H
#define GSHM_COMPAT_PARMACS_COPIES_H

#include <stdbool.h>

#include "compat/parmacs_job.h"

/* parmacs_shared.c: whether all ranks are to have the same global variables, as threads have: those of a program that was written for
 * threads, if GSHM_GLOBALS does not say it. Once they have, it stays so. */
bool gshm_parmacs_globals_are_shared(bool of_threads);
/* From here on this rank has them; rank 0's, which is the first, are what they begin with. */
void gshm_parmacs_share_globals(void);
bool gshm_parmacs_has_shared_globals(void);

/* parmacs_heap.c: rank 0, before main; CREATE; the rank that is told to run a function. */
void gshm_parmacs_set_heap_apart(void);
void gshm_parmacs_save_heap(struct gshm_parmacs_cell *cell);
void gshm_parmacs_load_heap(const struct gshm_parmacs_cell *cell);

#endif
