/* alternate.h: hand-overs of one lock between two processes that take turns.
 *
 * Who has the lock waits until the other has said that it will ask for it, and then PAUSE_US more, in which
 * the other's asking comes to rest: it blocks. Then it notes the time and unlocks. A sample is the time from
 * there to the other's return; only then does it ask itself, for not every lock is fair. The two see each
 * other's notes in memory that they share. */
#ifndef GSHM_BENCH_ALTERNATE_H
#define GSHM_BENCH_ALTERNATE_H

#include <linux/futex.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "measure.h"

#define PAUSE_US 1000

/* How many times somebody has been about to ask, has been given the lock. */
struct meeting {
  _Atomic uint32_t asks, takes;
  _Atomic double unlocked_us;
};

/* Every call gives 0, or -1 with errno. `held` is called with the lock held, before the pause, `last` after it; may be
 * NULL. */
struct lock_calls {
  int (*lock)(void), (*unlock)(void), (*held)(void), (*last)(void);
};

static inline void note(_Atomic uint32_t *times) {
  atomic_fetch_add(times, 1);
  syscall(SYS_futex, times, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static inline void await(_Atomic uint32_t *times, uint32_t many) {
  for (uint32_t now; (int32_t)((now = atomic_load(times)) - many) < 0;)
    syscall(SYS_futex, times, FUTEX_WAIT, now, NULL, NULL, 0);
}

/* `count` hand-overs each way, beginning with the process that `holds` the lock. `base`: hand-overs
 * before these. Both give `count` samples; who held it at first holds it again. */
static inline int alternate(struct meeting *meeting, const struct lock_calls *calls, int holds, uint32_t base,
                            int count, double *samples) {
  for (int turn = 0, taken = 0; turn < 2 * count; turn++) {
    if (holds == (turn % 2 == 0)) {
      if (calls->held != NULL && calls->held() != 0) return -1;
      await(&meeting->asks, base + (uint32_t)turn + 1);
      usleep(PAUSE_US);
      if (calls->last != NULL && calls->last() != 0) return -1;
      atomic_store(&meeting->unlocked_us, now_us());
      if (calls->unlock() != 0) return -1;
      await(&meeting->takes, base + (uint32_t)turn + 1);
    } else {
      note(&meeting->asks);
      if (calls->lock() != 0) return -1;
      samples[taken++] = now_us() - atomic_load(&meeting->unlocked_us);
      note(&meeting->takes);
    }
  }
  return 0;
}

#endif
