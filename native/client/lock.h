/* lock.h: where the words of locks lie in this process (lock.c). */
#ifndef GSHM_CLIENT_LOCK_H
#define GSHM_CLIENT_LOCK_H

#include <stdint.h>

#include "abi/device.h"
#include "client/exchange.h"
#include "client/gshm.h"
#include "client/key.h"

#ifdef __cplusplus
extern "C" {
#endif

/* gshm_mutex_lock and _unlock for holders that need not be threads (GSHM_WORD_ASYNC and a number; 0: this
 * thread), whose wait another thread may end (cancel: NULL or that). Errors: theirs; ended so: TIMEOUT. */
int gshm_mutex_lock_as(gshm_key key, uint32_t holder, int64_t timeout_ns, struct gshm_cancel *cancel);
/* By its word, at once; else BUSY, or DEADLOCK (the holder has it already): nobody is asked. DETACHED. */
int gshm_mutex_try_word(gshm_key key, uint32_t holder);
int gshm_mutex_unlock_as(gshm_key key, uint32_t holder);

/* The registration ends: no lock is had or given back by its word any more. */
void gshm_lock_detached(void);
/* Locks at its addresses are asked for again, by whoever has the segment open still. */
void gshm_lock_segment_closed(uint32_t segment);
/* A new registration has begun: nothing of an earlier one is valid. */
void gshm_lock_attached(void);
void gshm_lock_fork_prepare(void);
void gshm_lock_fork_parent(void);
/* The words of the parent's daemon stay; their holders are other ones. */
void gshm_lock_fork_child(void);

#ifdef __cplusplus
}
#endif
#endif
