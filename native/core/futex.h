/* futex.h: sleeping and waking at a word that two processes share. */
#ifndef GSHM_CORE_FUTEX_H
#define GSHM_CORE_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while *word is `value`; NULL: for as long as it takes. Gives 0 or -1 with errno, and may wake for nothing. */
static inline int gshm_futex_wait(const uint32_t *word, uint32_t value, const struct timespec *at_most) {
  return (int)syscall(SYS_futex, word, FUTEX_WAIT, value, at_most, NULL, 0);
}

static inline void gshm_futex_wake_all(const uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

#endif
