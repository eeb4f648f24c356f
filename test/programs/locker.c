/* locker: threads take and give back mutexes at full speed, and change what these guard.
 *
 *   locker SEGMENT LOCKS SEED THREADS [ROUNDS [HOLD]]
 *
 * Lock n guards record n of the segment, a page each. Locks are named, numbered, or lie at their record, by
 * n modulo 3. A record's two counts are the same whenever nobody holds its lock, but for a holder that died:
 * whoever is told of that makes it whole. Without ROUNDS it goes on until it is killed, takes locks in each of
 * the ways there are, and prints "acts" now and then; else each thread adds ROUNDS to each count by waiting
 * for the locks, and the program ends with what it has added; 0: as without. HOLD: each lock is held for so many
 * microseconds at most, so that others wait for it.
 * "wrong ...": somebody else was in there too, a change was lost, or a call failed that must not: status 1. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gshm.h"

#define PAGE 4096
#define ACTS 16 /* acquisitions between two lines, of all threads */

struct record {
  volatile uint64_t before, after; /* the two counts */
  volatile uint64_t who;           /* is in there */
  volatile uint64_t deaths;        /* that have been told */
};

static gshm *g;
static char *memory;
static gshm_segment *segment;
static unsigned locks, rounds, acts, hold;

struct thread {
  pthread_t thread;
  unsigned draw;
  uint64_t name;
};

static void wrong(const char *what, unsigned lock, uint64_t a, uint64_t b) {
  printf("wrong %s: lock %u: %llu, %llu\n", what, lock, (unsigned long long)a, (unsigned long long)b);
  fflush(stdout);
  _exit(1);
}

static unsigned draw(struct thread *t, unsigned bound) {
  t->draw = t->draw * 1664525u + 1013904223u;
  return (t->draw >> 8) % bound;
}

static struct record *record_of(unsigned lock) { return (struct record *)(void *)(memory + (size_t)lock * PAGE); }

static gshm_key key_of(unsigned lock, char name[16]) {
  switch (lock % 3) {
    case 0: snprintf(name, 16, "lock %u", lock); return gshm_named(name);
    case 1: return gshm_numbered(lock);
    default: return gshm_located(gshm_at(segment, (uint64_t)lock * PAGE));
  }
}

/* 0: it is not to be had (yet). */
static int take(struct thread *t, gshm_key key, unsigned lock, int *died) {
  const int64_t patience[] = {GSHM_FOREVER, GSHM_FOREVER, 0, 50000, 5000000};
  int64_t timeout = rounds > 0 ? GSHM_FOREVER : patience[draw(t, sizeof patience / sizeof *patience)];
  gshm_mutex *handle = draw(t, 2) ? gshm_mutex_handle(g, key) : NULL;
  int result = handle ? gshm_mutex_acquire(handle, timeout) : gshm_mutex_lock(g, key, timeout);
  *died = result != 0 && errno == EOWNERDEAD;
  if (result == 0 || *died) return 1;
  if (timeout != GSHM_FOREVER && errno == (timeout == 0 ? EBUSY : ETIMEDOUT)) return 0;
  printf("%s ", gshm_strerror(errno));
  wrong("error", lock, (uint64_t)errno, 0);
  return 0;
}

static void change(struct thread *t, unsigned lock, int died) {
  struct record *r = record_of(lock);
  if (died) {
    r->deaths++;
    r->before = r->after;
  } else if (r->before != r->after || r->who != 0) wrong("half a change, and nobody died", lock, r->before, r->who);
  r->who = t->name;
  uint64_t before = r->before;
  r->before = before + 1;
  for (volatile unsigned i = draw(t, 200); i > 0; i--) {}
  if (hold > 0) usleep(draw(t, hold));
  if (r->who != t->name) wrong("somebody else is in there", lock, r->who, t->name);
  r->after++;
  if (r->before != before + 1 || r->after != before + 1) wrong("a change is lost", lock, r->before, r->after);
  r->who = 0;
}

static int once(struct thread *t, unsigned lock) {
  char name[16];
  gshm_key key = key_of(lock, name);
  int died;
  if (!take(t, key, lock, &died)) return 0;
  change(t, lock, died);
  if (gshm_mutex_unlock(g, key) != 0) {
    printf("%s ", gshm_strerror(errno));
    wrong("unlock", lock, (uint64_t)errno, 0);
  }
  return 1;
}

static void act(void) {
  if (__atomic_add_fetch(&acts, 1, __ATOMIC_RELAXED) % ACTS != 0) return;
  printf("acts\n");
  fflush(stdout);
}

static void *run(void *argument) {
  struct thread *t = argument;
  if (rounds > 0) {
    for (unsigned i = 0; i < rounds * locks; i++) once(t, i % locks);
    return NULL;
  }
  /* Half of the time the same few, so that they are wanted and lent at once. */
  for (;;)
    if (once(t, draw(t, 2) ? draw(t, locks) : draw(t, 3))) act();
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  locks = (unsigned)atoi(argv[2]);
  unsigned seed = (unsigned)atoi(argv[3]), count = (unsigned)atoi(argv[4]);
  rounds = argc > 5 ? (unsigned)atoi(argv[5]) : 0;
  hold = argc > 6 ? (unsigned)atoi(argv[6]) : 0;
  struct thread *threads = calloc(count, sizeof *threads);
  if (!threads || !(g = gshm_attach(NULL)) || !(segment = gshm_open(g, argv[1], 0)) ||
      !(memory = gshm_map(segment, NULL, 0, 0))) {
    printf("wrong start: %s\n", gshm_strerror(errno));
    return 1;
  }
  for (unsigned i = 0; i < count; i++) {
    threads[i].draw = seed * 7919u + i;
    threads[i].name = ((uint64_t)gshm_node(g) << 48 | (uint64_t)getpid() << 8 | i) + 1;
    if (pthread_create(&threads[i].thread, NULL, run, &threads[i]) != 0) return 1;
  }
  for (unsigned i = 0; i < count; i++) pthread_join(threads[i].thread, NULL);
  return gshm_detach(g) == 0 ? 0 : 1;
}
