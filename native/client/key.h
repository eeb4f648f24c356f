/* key.h: what locks and the like are called, and how long is waited for them (key.c). */
#ifndef GSHM_CLIENT_KEY_H
#define GSHM_CLIENT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device.h"
#include "client/exchange.h"
#include "client/gshm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Checks a key and puts it into a frame's form. `what` names it in the error. -1 with the error set. */
int gshm_key_frame_of(struct gshm_key_frame *frame, gshm_key key, const char *what);
/* Is it none of what gshm.h lets a timeout be? */
static inline bool gshm_is_no_timeout(int64_t timeout_ns) { return timeout_ns < 0 && timeout_ns != GSHM_FOREVER; }
/* -1 with INVALID if it is. */
int gshm_check_timeout(int64_t timeout_ns, const char *what);
/* Checks a timeout (gshm.h) and makes it the exchange's patience; that of a try, 0, is the request's own flag to
 * tell. -1 with INVALID. */
int gshm_set_patience(struct gshm_exchange *x, int64_t timeout_ns, const char *what);

#ifdef __cplusplus
}
#endif
#endif
