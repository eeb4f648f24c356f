/* parmacs_place.h: what is declared in shared structures and as global variables, in words that mean the same to all ranks. */
#ifndef GSHM_COMPAT_PARMACS_PLACE_H
#define GSHM_COMPAT_PARMACS_PLACE_H

#include "client/gshm.h"

/* parmacs_sync.c: the global address of what is declared there, and where its shared bytes are: a global variable has some beside
 * itself. Of what is neither: the end of the program. */
gshm_addr gshm_parmacs_place(const void *declared, void **shared, const char *what);

#endif
