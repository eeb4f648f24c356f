/* darken.h: what the keeper does for processes that trap their own faults (abi/trap.h). */
#ifndef GSHM_KEEPER_DARKEN_H
#define GSHM_KEEPER_DARKEN_H

#include "holdings.h"

/* Before any frame is punched: every access of theirs to global memory gets SIGBUS from now on. Each process takes its own
 * access away; one that has not done so within a second is killed: it would read zeros. */
void darken_all(struct holdings *held);

#endif
