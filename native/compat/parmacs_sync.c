/* parmacs_sync.c: locks, barriers, pauses and the like, at the global addresses of what was declared.
 *
 * A pause, a semaphore and a GETSUB counter are words in shared memory that the mutex at their address guards; who waits for one of
 * them waits at the condition at that address. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "compat/parmacs.h"
#include "compat/parmacs_job.h"
#include "compat/parmacs_place.h"

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

gshm_addr gshm_parmacs_place(const void *declared, void **shared, const char *what) {
  gshm_parmacs_begin();
  uint64_t in_image = (uintptr_t)declared - job->image.from;
  job->dealings++;
  if (gshm_parmacs_in_heap(declared)) {
    if (shared) *shared = (void *)declared;
    return job->heap_at + (uint64_t)((const char *)declared - GSHM_PARMACS_HEAP);
  }
  if (in_image < gshm_image_span(&job->image)) {
    if (shared) *shared = job->own + in_image;
    return job->globals_at + gshm_image_span(&job->image) + in_image;
  }
  gshm_parmacs_fail("%s of something at %p, which is memory of this rank alone: it must lie in G_MALLOC memory, or be a global variable",
                    what, declared);
}

static void lock_at(gshm_addr at, const char *what) {
  if (gshm_mutex_lock(job->g, gshm_located(at), GSHM_FOREVER) != 0) gshm_parmacs_refused(what);
}
static void unlock_at(gshm_addr at, const char *what) {
  if (gshm_mutex_unlock(job->g, gshm_located(at)) != 0) gshm_parmacs_refused(what);
}

void gshm_parmacs_lock(const void *lock) { lock_at(gshm_parmacs_place(lock, NULL, "LOCK"), "LOCK"); }
void gshm_parmacs_unlock(const void *lock) { unlock_at(gshm_parmacs_place(lock, NULL, "UNLOCK"), "UNLOCK"); }

void gshm_parmacs_barrier_init(gshm_parmacs_gate *barrier, long processes) {
  void *shared;
  gshm_parmacs_place(barrier, &shared, "BARINIT");
  ((gshm_parmacs_gate *)shared)->count = processes > 0 ? (uint64_t)processes : 0;
}

void gshm_parmacs_barrier(gshm_parmacs_gate *barrier, long processes) {
  void *shared;
  gshm_addr at = gshm_parmacs_place(barrier, &shared, "BARRIER");
  long count = processes > 0 ? processes : (long)((gshm_parmacs_gate *)shared)->count;
  if (count <= 0 || count > 65535) gshm_parmacs_fail("BARRIER: %ld processes (neither it nor BARINIT says how many meet)", count);
  if (gshm_barrier_wait(job->g, gshm_located(at), (uint32_t)count, 0, GSHM_FOREVER) != 0) gshm_parmacs_refused("BARRIER");
}

/* A word whose mutex the caller has. */
struct word {
  gshm_addr at;
  uint64_t *value;
  const char *what;
};

static struct word have(void *declared, const char *what) {
  void *shared;
  gshm_addr at = gshm_parmacs_place(declared, &shared, what);
  lock_at(at, what);
  return (struct word){at, shared, what};
}
static void await_change(const struct word *word) {
  if (gshm_condition_wait(job->g, gshm_located(word->at), gshm_located(word->at), GSHM_FOREVER) != 0) gshm_parmacs_refused(word->what);
}
static void tell_all(gshm_addr at, const char *what) {
  if (gshm_condition_broadcast(job->g, gshm_located(at)) != 0) gshm_parmacs_refused(what);
}
static void give(const struct word *word) { unlock_at(word->at, word->what); }
static void change(const struct word *word, uint64_t value) {
  if (*word->value != value) {
    *word->value = value;
    tell_all(word->at, word->what);
  }
  give(word);
}

void gshm_parmacs_set(gshm_parmacs_flag *flag) {
  struct word word = have(flag, "SETPAUSE");
  change(&word, 1);
}
void gshm_parmacs_clear(gshm_parmacs_flag *flag) {
  struct word word = have(flag, "CLEARPAUSE");
  change(&word, 0);
}
void gshm_parmacs_wait_set(gshm_parmacs_flag *flag) {
  struct word word = have(flag, "WAITPAUSE");
  while (*word.value == 0) await_change(&word);
  give(&word);
}
void gshm_parmacs_take(gshm_parmacs_flag *flag) {
  struct word word = have(flag, "PAUSE");
  while (*word.value == 0) await_change(&word);
  change(&word, 0);
}
void gshm_parmacs_give(gshm_parmacs_flag *flag) {
  struct word word = have(flag, "EVENT");
  while (*word.value != 0) await_change(&word);
  change(&word, 1);
}

void gshm_parmacs_units(gshm_parmacs_flag *semaphore, long units) {
  if (units < 0) gshm_parmacs_fail("SEMINIT: %ld units", units);
  struct word word = have(semaphore, "SEMINIT");
  change(&word, (uint64_t)units);
}
void gshm_parmacs_down(gshm_parmacs_flag *semaphore) {
  struct word word = have(semaphore, "SEMP");
  while (*word.value == 0) await_change(&word);
  --*word.value;
  give(&word);
}
void gshm_parmacs_up(gshm_parmacs_flag *semaphore) {
  struct word word = have(semaphore, "SEMV");
  change(&word, *word.value + 1);
}

void gshm_parmacs_condition_wait(const void *condition, const void *lock) {
  gshm_addr at = gshm_parmacs_place(condition, NULL, "CONDVARWAIT"), mutex = gshm_parmacs_place(lock, NULL, "CONDVARWAIT");
  if (gshm_condition_wait(job->g, gshm_located(at), gshm_located(mutex), GSHM_FOREVER) != 0) gshm_parmacs_refused("CONDVARWAIT");
}
void gshm_parmacs_condition_wake(const void *condition, int all) {
  gshm_addr at = gshm_parmacs_place(condition, NULL, all ? "CONDVARBCAST" : "CONDVARSIGNAL");
  if (all) tell_all(at, "CONDVARBCAST");
  else if (gshm_condition_signal(job->g, gshm_located(at)) != 0) gshm_parmacs_refused("CONDVARSIGNAL");
}

void gshm_parmacs_subscripts_init(gshm_parmacs_subscripts *s) {
  struct word word = have(s, "GSINIT");
  memset(word.value, 0, sizeof *s);
  give(&word);
}

long gshm_parmacs_subscript(gshm_parmacs_subscripts *s, long last, long processes) {
  struct word word = have(s, "GETSUB");
  gshm_parmacs_subscripts *shared = (gshm_parmacs_subscripts *)word.value;
  long mine = -1;
  if (shared->next <= last) {
    mine = shared->next++;
  } else if (++shared->waiting >= processes) {
    shared->next = shared->waiting = 0;
    shared->round++;
    tell_all(word.at, "GETSUB");
  } else {
    for (int64_t round = shared->round; shared->round == round;) await_change(&word);
  }
  give(&word);
  return mine;
}

unsigned long gshm_parmacs_clock(void) {
  struct timeval now;
  gettimeofday(&now, NULL);
  return (unsigned long)now.tv_sec * 1000000u + (unsigned long)now.tv_usec;
}

int gshm_parmacs_rank(void) {
  gshm_parmacs_begin();
  return (int)job->rank;
}
