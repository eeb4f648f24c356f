/* direct.h: the barriers at which this process meets others by itself (abi/direct.h). */
#ifndef GSHM_CLIENT_DIRECT_H
#define GSHM_CLIENT_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device.h"
#include "abi/direct.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Meets the others by itself, if it can. true: all have come. false: the daemon must be asked; *parted is then the
 * number of a barrier that goes on no more, whose daemon is to be told with the request, or 0. */
bool gshm_direct_meet(const struct gshm_key_frame *key, uint32_t count, uint64_t *parted);
/* From now on it meets the others of that barrier by itself: the reply to BARRIER says so. Takes the descriptors. What
 * cannot be kept is let go: the daemon is asked, and finds that. */
void gshm_direct_begin(const struct gshm_key_frame *key, uint32_t count, const struct gshm_barrier_reply *reply,
                       const int *fds, unsigned fd_count);
/* The registration ends: threads that wait wake, and none begins anew. */
void gshm_direct_detached(void);
void gshm_direct_fork_prepare(void);
void gshm_direct_fork_parent(void);
/* Barriers of the parent are none of the child's. */
void gshm_direct_fork_child(void);

#ifdef __cplusplus
}
#endif
#endif
