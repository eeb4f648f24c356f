/* dsm_checks: one thing about dsm.h that is right or wrong, by name; `dsm_checks WHAT`. Ranks of a run count from
 * GSHM_RANK; the process of rank r is number r + 1. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libdsm.h"

#define LOCKS ((char *)0xcafebeef000)
#define DATA ((char *)0xdeadbeef000)
#define DATA_SIZE 0x100000

static unsigned rank, ranks;

static unsigned from_environment(const char *name, unsigned otherwise) {
  const char *value = getenv(name);
  return value ? (unsigned)atoi(value) : otherwise;
}

static pthread_mutex_t *lock_at(unsigned i) { return (pthread_mutex_t *)LOCKS + i; }

/* What all processes of the original do first. */
static void start(void) {
  dsm_init(rank + 1);
  dsm_reserve(LOCKS, 4096);
  dsm_open(DATA, DATA_SIZE);
  dsm_lock_init(lock_at(0));
}

/* Each process puts blocks on a list that all share, under a lock; the pointers are those of other processes. */
struct entry {
  struct entry *next;
  unsigned rank, number;
};
struct shared {
  struct entry *head;
  unsigned entries, finished;
};

static int list(void) {
  start();
  volatile struct shared *shared = (void *)(LOCKS + 1024);
  for (unsigned i = 0; i < 100; i++) {
    struct entry *entry = dsm_malloc(sizeof *entry);
    entry->rank = rank;
    entry->number = i;
    while (pthread_mutex_trylock(lock_at(0)) == EBUSY) continue; /* as the original's programs wait */
    entry->next = shared->head;
    shared->head = entry;
    shared->entries++;
    pthread_mutex_unlock(lock_at(0));
  }
  pthread_mutex_lock(lock_at(0));
  shared->finished++;
  pthread_mutex_unlock(lock_at(0));
  while (shared->finished < ranks) continue; /* sequential consistency: it will be seen */
  if (rank != 0) return 0;
  unsigned seen = 0, sum = 0;
  for (struct entry *entry = shared->head; entry; seen++) {
    struct entry *next = entry->next;
    sum += entry->rank * 1000 + entry->number;
    dsm_free(entry, sizeof *entry);
    entry = next;
  }
  printf("%u of %u entries, sum %u\n", seen, shared->entries, sum);
  return 0;
}

static int addresses(void) {
  dsm_init(rank + 1);
  char *first = dsm_open(NULL, 8192), *second = dsm_reserve(NULL, 4097), *big = dsm_malloc(4096);
  printf("%p %p %p\n", (void *)first, (void *)second, (void *)((uintptr_t)big & 4095));
  return 0;
}

static void say(int value) { printf("%d ", value); }

static int own_mutexes(void) {
  pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER, *shared = lock_at(0);
  struct timespec past = {0};
  say(pthread_mutex_lock(&own));
  start();
  say(pthread_mutex_trylock(&own) == EBUSY);
  say(pthread_mutex_unlock(&own));
  puts("own");
  say(pthread_mutex_lock(shared));
  say(pthread_mutex_trylock(shared) == EBUSY);
  say(pthread_mutex_lock(shared) == EDEADLK);
  say(pthread_mutex_timedlock(shared, &past) == EDEADLK);
  say(pthread_mutex_destroy(shared) == EBUSY);
  say(pthread_mutex_unlock(shared));
  say(pthread_mutex_unlock(shared) == EPERM);
  say(pthread_mutex_destroy(shared));
  say(pthread_mutex_init(shared, NULL));
  say(pthread_mutex_lock(shared));
  puts("shared");
  return 0;
}

/* Rank 0 holds the lock while the others want it. */
static int held(void) {
  start();
  volatile char *stage = LOCKS + 2048;
  struct timespec soon;
  if (rank == 0) {
    pthread_mutex_lock(lock_at(0));
    *stage = 1;
    while (*stage != 2) continue;
    pthread_mutex_unlock(lock_at(0));
    return 0;
  }
  while (*stage != 1) continue;
  say(pthread_mutex_trylock(lock_at(0)) == EBUSY);
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 1000000;
  if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
  say(pthread_mutex_timedlock(lock_at(0), &soon) == ETIMEDOUT);
  soon.tv_nsec = -1;
  say(pthread_mutex_timedlock(lock_at(0), &soon) == EINVAL);
  say(pthread_mutex_unlock(lock_at(0)) == EPERM);
  *stage = 2;
  puts("held");
  return 0;
}

/* Rank 0 dies with the lock. */
static int die(void) {
  start();
  volatile char *stage = LOCKS + 2048;
  if (rank == 0) {
    pthread_mutex_lock(lock_at(0));
    *stage = 1;
    while (*stage != 2) continue;
    _exit(0);
  }
  while (*stage != 1) continue;
  *stage = 2;
  say(pthread_mutex_lock(lock_at(0)) == EOWNERDEAD);
  say(pthread_mutex_consistent(lock_at(0)));
  say(pthread_mutex_unlock(lock_at(0)));
  puts("died");
  return 0;
}

static int again(void) {
  for (int i = 0; i < 3; i++) {
    dsm_init((client_id_t)i + 1);
    dsm_init((client_id_t)i + 1);
    unsigned *count = dsm_open(DATA, DATA_SIZE);
    printf("%u\n", ++*count);
    dsm_close();
  }
  return 0;
}

static void wrong(const char *what) {
  if (!strcmp(what, "id-0")) dsm_init(0);
  if (!strcmp(what, "open-first")) dsm_open(DATA, 4096);
  if (!strcmp(what, "malloc-first")) dsm_malloc(1);
  if (!strcmp(what, "lock-first")) dsm_lock_init(LOCKS);
  dsm_init(1);
  if (!strcmp(what, "id-2")) dsm_init(2);
  if (!strcmp(what, "malloc-unopened")) dsm_malloc(1);
  if (!strcmp(what, "unaligned")) dsm_open(DATA + 1, 4096);
  if (!strcmp(what, "no-size")) dsm_open(DATA, 0);
  if (!strcmp(what, "too-large")) dsm_open(DATA, (size_t)1 << 40);
  if (!strcmp(what, "taken")) dsm_open((void *)((uintptr_t)wrong & ~(uintptr_t)4095), 4096);
  dsm_reserve(LOCKS, 4096);
  if (!strcmp(what, "malloc-reserved")) dsm_malloc(1);
  char *data = dsm_open(DATA, DATA_SIZE);
  if (!strcmp(what, "twice")) dsm_open(DATA, DATA_SIZE);
  if (!strcmp(what, "malloc-0")) dsm_malloc(0);
  if (!strcmp(what, "malloc-more")) dsm_malloc(DATA_SIZE + 1);
  if (!strcmp(what, "full"))
    for (;;) dsm_malloc(4096);
  if (!strcmp(what, "free-private")) dsm_free(&rank, 4);
  if (!strcmp(what, "free-reserved")) dsm_free(LOCKS, 4);
  if (!strcmp(what, "free-inside")) dsm_free((char *)dsm_malloc(4096) + 8, 4088);
  if (!strcmp(what, "free-twice")) {
    char *block = dsm_malloc(100);
    dsm_free(block, 100);
    dsm_free(block, 100);
  }
  if (!strcmp(what, "lock-private")) dsm_lock_init(&rank);
  if (!strcmp(what, "lock-at-end")) dsm_lock_init(data + DATA_SIZE - 8);
  if (!strcmp(what, "lock-unaligned")) dsm_lock_init(data + 1);
  if (!strcmp(what, "not-a-lock")) pthread_mutex_lock(lock_at(0));
  if (!strcmp(what, "copied-lock")) {
    dsm_lock_init(lock_at(0));
    memcpy(lock_at(1), lock_at(0), sizeof(pthread_mutex_t));
    pthread_mutex_trylock(lock_at(1));
  }
}

int main(int argc, char **argv) {
  rank = from_environment("GSHM_RANK", 0);
  ranks = from_environment("GSHM_RANKS", 1);
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "list")) return list();
  if (!strcmp(what, "addresses")) return addresses();
  if (!strcmp(what, "own-mutexes")) return own_mutexes();
  if (!strcmp(what, "held")) return held();
  if (!strcmp(what, "die")) return die();
  if (!strcmp(what, "again")) return again();
  wrong(what);
  return 3;
}
