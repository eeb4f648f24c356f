/* sealed_memfd.h: memory that the daemon shares with processes, as a file that nobody can resize. */
#ifndef GSHM_CORE_SEALED_MEMFD_H
#define GSHM_CORE_SEALED_MEMFD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A sparse memfd of `bytes`, sealed against growing, shrinking and other seals; not against writing, which
 * would forbid punching, too. `name` shows in /proc. Gives the descriptor, close-on-exec, or a negative errno. */
int gshm_sealed_memfd(const char *name, uint64_t bytes);

#ifdef __cplusplus
}
#endif

#endif
