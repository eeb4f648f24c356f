/* whole.h: whole numbers on the command lines of the workers. */
#ifndef GSHM_TESTBED_WHOLE_H
#define GSHM_TESTBED_WHOLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* False when `text` is no decimal number from least to most, with nothing behind it. */
static inline bool parse_whole(const char *text, uint32_t least, uint64_t most, uint32_t *out) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || value < least || value > most) return false;
  *out = (uint32_t)value;
  return true;
}

#endif
