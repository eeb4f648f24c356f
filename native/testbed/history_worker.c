/* history_worker.c: threads that load and exchange words of a shared segment at random, and write
 * down what they saw: docs/HISTORY.md has the format of the log and what it is checked for.
 *
 *   history_worker --worker I --workers N --threads T --operations M --seconds S --seed X --pages P
 *                  --segment NAME --log FILE [--consistency M] [--manager K] [--unit U] [--inject FAULT]
 *
 * Each of the T threads does M operations, or fewer when the time is up. Its number is I * T + its
 * place in the process, its values are all different from everybody's, and 0 is what fresh memory
 * reads as. Locations are byte offsets in the segment; several lie on a page, and a thread mostly
 * stays on one for a while, so that some accesses fault and more do not.
 *
 * Program order is kept on the way to memory: loads and exchanges are C's sequentially consistent
 * ones. (On x86-64 they are plain loads, which are not reordered with each other, and xchg, which is
 * locked: nothing passes it. So within one machine there is nothing left to reorder, and what the
 * checker finds is the pages' doing.) The log is private memory until everybody has ended.
 *
 * Faults that the first thread of the first worker can plant, once, for the checker to find:
 *   stale  a load that saw what the thread itself had overwritten
 *   lost   two exchanges, of which the second did not see the first */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gshm.h"
#include "whole.h"

enum { PAGE = 4096, STRIDE = 512, WORDS = PAGE / STRIDE, THREADS_MAX = 64, CLOCK_EVERY = 64 };
enum inject { NONE, STALE, LOST };

struct operation {
  uint64_t location, read, written; /* written 0: a load */
};

struct thread {
  pthread_t id;
  uint32_t number, random, page;
  uint64_t count, serial;
  struct operation *log;
  enum inject inject;
};

static struct {
  uint32_t worker, workers, threads, operations, seconds, seed, pages;
  const char *segment, *log;
  gshm_options model;
  enum inject inject;
} options;

static gshm *g;
static unsigned char *memory;
static struct thread threads[THREADS_MAX];
static pthread_barrier_t all_ready;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "worker %u: %s: %s\n", options.worker, what, why);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* mulberry32 (T. Ettinger). */
static uint32_t below(struct thread *t, uint32_t bound) {
  uint32_t z = t->random += 0x6d2b79f5u;
  z = (z ^ z >> 15) * (z | 1);
  z ^= z + (z ^ z >> 7) * (z | 61);
  return (uint32_t)((uint64_t)(z ^ z >> 14) * bound >> 32);
}

static uint64_t random_location(struct thread *t) {
  if (below(t, 4) == 0) t->page = below(t, options.pages);
  return (uint64_t)t->page * PAGE + below(t, WORDS) * STRIDE;
}

static _Atomic uint64_t *word_at(uint64_t location) { return (_Atomic uint64_t *)(memory + location); }

static struct operation *note(struct thread *t, uint64_t location, uint64_t read, uint64_t written) {
  struct operation *operation = &t->log[t->count++];
  *operation = (struct operation){location, read, written};
  return operation;
}

static void load(struct thread *t, uint64_t location) { note(t, location, atomic_load(word_at(location)), 0); }

static struct operation *exchange(struct thread *t, uint64_t location) {
  uint64_t value = 1 + t->number + t->serial++ * options.workers * options.threads;
  return note(t, location, atomic_exchange(word_at(location), value), value);
}

/* One operation more, with a wrong line in the log. */
static void plant(struct thread *t, const struct operation *last) {
  if (t->inject == STALE) note(t, last->location, last->read, 0);
  if (t->inject == LOST) exchange(t, last->location)->read = last->read;
  t->inject = NONE;
}

static void *run(void *argument) {
  struct thread *t = argument;
  pthread_barrier_wait(&all_ready); /* until everybody everywhere is ready */
  uint64_t end = now_ns() + options.seconds * 1000000000ull;
  for (uint32_t i = 0; i < options.operations; i++) {
    if (i % CLOCK_EVERY == CLOCK_EVERY - 1 && now_ns() >= end) break;
    uint64_t location = random_location(t);
    if (below(t, 4) > 0) load(t, location);
    else {
      const struct operation *last = exchange(t, location);
      if (t->inject != NONE) plant(t, last);
    }
  }
  return NULL;
}

static void start(uint32_t i) {
  struct thread *t = &threads[i];
  t->number = options.worker * options.threads + i;
  t->random = options.seed * 0x9e3779b9u + t->number * 0x85ebca6bu;
  t->inject = t->number == 0 ? options.inject : NONE;
  t->log = malloc((options.operations + 1ull) * sizeof *t->log); /* one more: a planted operation */
  if (!t->log) fail("--operations", strerror(ENOMEM));
  int error = pthread_create(&t->id, NULL, run, t);
  if (error) fail("--threads", strerror(error));
}

static void write_log(void) {
  FILE *file = fopen(options.log, "wxe");
  if (!file) fail(options.log, strerror(errno));
  for (uint32_t i = 0; i < options.threads; i++) {
    const struct thread *t = &threads[i];
    for (const struct operation *o = t->log; o < t->log + t->count; o++) {
      fprintf(file, "%u %c %llu %llu", t->number, o->written ? 'X' : 'R', (unsigned long long)o->location,
              (unsigned long long)o->read);
      if (o->written) fprintf(file, " %llu", (unsigned long long)o->written);
      putc('\n', file);
    }
  }
  if (ferror(file) || fclose(file) != 0) fail(options.log, strerror(errno));
}

static void barrier(const char *name) {
  char key[64];
  snprintf(key, sizeof key, "%.40s.%s", options.segment, name);
  if (gshm_barrier(g, key, options.workers) != 0) fail(key, gshm_strerror(errno));
}

static void usage(const char *wrong) {
  fprintf(stderr,
          "%s\nusage: history_worker --worker I --workers N --threads T --operations M --seconds S --seed X --pages P\n"
          "         --segment NAME --log FILE [--consistency M] [--manager K] [--unit U] [--inject stale|lost]\n",
          wrong);
  exit(2);
}

static uint32_t number(const char *name, const char *text, uint32_t least, uint32_t most) {
  uint32_t value = 0;
  if (!parse_whole(text, least, most, &value)) usage(name);
  return value;
}

static void parse(int argc, char **argv) {
  options.workers = options.threads = options.operations = options.seconds = options.pages = 1;
  for (int i = 1; i < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!value) usage(name);
    if (!strcmp(name, "--worker")) options.worker = number(name, value, 0, UINT16_MAX);
    else if (!strcmp(name, "--workers")) options.workers = number(name, value, 1, UINT16_MAX);
    else if (!strcmp(name, "--threads")) options.threads = number(name, value, 1, THREADS_MAX);
    else if (!strcmp(name, "--operations")) options.operations = number(name, value, 1, UINT32_MAX - 1);
    else if (!strcmp(name, "--seconds")) options.seconds = number(name, value, 1, UINT16_MAX);
    else if (!strcmp(name, "--seed")) options.seed = number(name, value, 0, UINT32_MAX);
    else if (!strcmp(name, "--pages")) options.pages = number(name, value, 1, UINT16_MAX);
    else if (!strcmp(name, "--segment")) options.segment = value;
    else if (!strcmp(name, "--log")) options.log = value;
    else if (!strcmp(name, "--consistency")) options.model.consistency = value;
    else if (!strcmp(name, "--manager")) options.model.manager = value;
    else if (!strcmp(name, "--unit")) options.model.unit = number(name, value, 4096, 65536);
    else if (!strcmp(name, "--inject") && !strcmp(value, "stale")) options.inject = STALE;
    else if (!strcmp(name, "--inject") && !strcmp(value, "lost")) options.inject = LOST;
    else usage(name);
  }
  if (!options.segment || !options.log) usage("--segment or --log is missing");
  if (options.worker >= options.workers) usage("--worker must be below --workers");
}

int main(int argc, char **argv) {
  parse(argc, argv);
  if (!(g = gshm_attach(NULL))) fail("attach", gshm_strerror(errno));
  uint64_t size = (uint64_t)options.pages * PAGE;
  gshm_segment *segment = gshm_create_with(g, options.segment, size, GSHM_OPEN_OR_CREATE, &options.model);
  if (!segment || !(memory = gshm_map(segment, NULL, 0, 0))) fail(options.segment, gshm_strerror(errno));
  pthread_barrier_init(&all_ready, NULL, options.threads + 1);
  for (uint32_t i = 0; i < options.threads; i++) start(i);
  barrier("start");
  pthread_barrier_wait(&all_ready);
  for (uint32_t i = 0; i < options.threads; i++) pthread_join(threads[i].id, NULL);
  /* Everybody has the segment open by now: its name can go, and the memory goes with the last view. */
  if (options.worker == 0 && gshm_unlink(g, options.segment) != 0) fail("unlink", gshm_strerror(errno));
  if (gshm_detach(g) != 0) fail("detach", gshm_strerror(errno));
  write_log();
  return 0;
}
