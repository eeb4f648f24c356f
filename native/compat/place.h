/* place.h: what the libraries of other systems' APIs have in common: where this process stands in its run, segments at
 * one address in every process, and errors that end the program, as those systems do. */
#ifndef GSHM_COMPAT_PLACE_H
#define GSHM_COMPAT_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "client/gshm.h"

/* From where segments lie whose address is ours to choose: nothing else maps there. */
#define GSHM_COMPAT_BASE ((uintptr_t)0x400000000000)

/* What `gshm run` says in the environment. */
struct gshm_place {
  uint32_t rank, ranks; /* 0 of 1 outside of a run */
  char run[33];         /* GSHM_RUN; empty: none */
};
/* `api` names the library in messages. A variable that is none of what `gshm run` sets ends the program. */
struct gshm_place gshm_place_in_run(const char *api);

/* "<kind>.<run>", or "<kind>" outside of a run: `gshm run` removes at its end what has a name of its run. */
void gshm_place_name(char name[64], const char *kind, const struct gshm_place *place);

/* "api: text" on standard error, and the end with status 1. It is a death to the others, who wait in vain otherwise:
 * exit() would count as an end in order. */
__attribute__((noreturn, format(printf, 2, 3))) void gshm_compat_end(const char *api, const char *format, ...);

/* A size in the environment, as 64K or 1G; `otherwise` when it is not set. What is no size ends the program. */
uint64_t gshm_compat_bytes(const char *api, const char *variable, uint64_t otherwise);

#endif
