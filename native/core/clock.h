/* clock.h: the clock of whatever is measured or bounded here. */
#ifndef GSHM_CORE_CLOCK_H
#define GSHM_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds, CLOCK_MONOTONIC: the same for every process of the machine. */
static inline uint64_t gshm_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
