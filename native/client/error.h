/* error.h: how libgshm's functions fail: errno, and a text kept for the calling thread. */
#ifndef GSHM_CLIENT_ERROR_H
#define GSHM_CLIENT_ERROR_H

#include "abi/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets errno and the thread's last error. Without a detail ("") the error's own text is told.
 * Gives -1, so that callers can return it. */
int gshm_fail(enum gshm_error error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The system call `call` failed with errno `number`. */
int gshm_fail_system(const char *call, int number);

/* The calling thread's last failure; GSHM_OK and "" when it never failed. */
enum gshm_error gshm_last_error(void);
const char *gshm_last_detail(void);

#ifdef __cplusplus
}
#endif
#endif
