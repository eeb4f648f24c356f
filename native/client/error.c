/* error.c: the calling thread's last failure. See error.h. */
#include "client/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/device.h"
#include "client/gshm.h"

static const struct {
  const char *name;
  int number;
  const char *text;
} errors[] = {
    {"OK", 0, "success"},
#define X(name, number, text) {#name, number, text},
    GSHM_ERRORS(X)
#undef X
};

static _Thread_local struct {
  enum gshm_error error;
  char detail[GSHM_DETAIL_MAX + 1];
  char full[GSHM_DETAIL_MAX + 64];
} last;

int gshm_fail(enum gshm_error error, const char *format, ...) {
  if (error <= GSHM_OK || error >= GSHM_E_COUNT) error = GSHM_E_SYSTEM;
  char detail[GSHM_DETAIL_MAX + 1]; /* an argument may be last.detail itself */
  va_list list;
  va_start(list, format);
  vsnprintf(detail, sizeof detail, format, list);
  va_end(list);
  last.error = error;
  snprintf(last.detail, sizeof last.detail, "%s", detail[0] ? detail : errors[error].text);
  errno = errors[error].number;
  return -1;
}

int gshm_fail_system(const char *call, int number) {
  switch (number) {
    case EMFILE:
    case ENFILE: return gshm_fail(GSHM_E_DESCRIPTORS, "%s: %s (raise ulimit -n)", call, strerror(number));
    case ENOMEM:
      return gshm_fail(GSHM_E_MEMORY, "%s: %s (the machine's memory, or vm.max_map_count)", call, strerror(number));
    default: return gshm_fail(GSHM_E_SYSTEM, "%s: %s", call, strerror(number));
  }
}

enum gshm_error gshm_last_error(void) { return last.error; }
const char *gshm_last_detail(void) { return last.detail; }

const char *gshm_strerror(int error) {
  if (last.error == GSHM_OK || (error != 0 && errors[last.error].number != error)) return strerror(error);
  snprintf(last.full, sizeof last.full, "ERR_GSHM_%s: %s", errors[last.error].name, last.detail);
  return last.full;
}
