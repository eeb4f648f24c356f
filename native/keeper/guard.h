/* guard.h: what the keeper does once the daemon is dead. */
#ifndef GSHM_KEEPER_GUARD_H
#define GSHM_KEEPER_GUARD_H

#include "holdings.h"

/* Gives every access of every held process SIGBUS, until none of them is left. The memory of a
 * segment is lost. */
void stand_guard(struct holdings *held);

#endif
