/* objects.h: reader-writer locks, semaphores, conditions, words and counters for holders that need not be threads,
 * and waits that another thread may end (objects.c). */
#ifndef GSHM_CLIENT_OBJECTS_H
#define GSHM_CLIENT_OBJECTS_H

#include <stdint.h>

#include "abi/device.h"
#include "client/exchange.h"
#include "client/gshm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is asked of an object; device.h has the meaning of the fields. */
struct gshm_object_ask {
  enum gshm_object_kind kind;
  enum gshm_object_deed deed;
  gshm_key key;
  uint32_t holder; /* 0: this thread */
  int64_t value;
  int64_t initial;
  const char *what; /* names the call in errors */
};

/* Asks. `answer` may be NULL. -1 with the error set; OWNER_DEAD: the lock is held. */
int gshm_object(const struct gshm_object_ask *ask, int64_t timeout_ns, struct gshm_cancel *cancel, int64_t *answer);

/* gshm_condition_wait of a holder (0: this thread). When the error is neither NOT_HOLDER nor OWNER_DEAD nor TIMEOUT nor
 * BUSY, `held` says whether the mutex is held; it may be NULL. */
int gshm_condition_wait_as(gshm_key condition, gshm_key mutex, uint32_t holder, int64_t timeout_ns,
                           struct gshm_cancel *cancel, bool *held);
/* gshm_wait. */
int gshm_wait_as(gshm *g, const uint32_t *word, uint32_t expected, int64_t timeout_ns, struct gshm_cancel *cancel);

#ifdef __cplusplus
}
#endif
#endif
