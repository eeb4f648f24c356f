/* team.c: the ranks of one kernel, on libgshm. */
#include "team.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel.h"

/* Nothing of a process lies there: the same in all. */
static char *next_address = (char *)0x480000000000;

static void fail(const char *what) {
  fprintf(stderr, "kernels: %s: %s\n", what, gshm_strerror(errno));
  exit(1);
}

static const char *environment(const char *name) {
  const char *value = getenv(name);
  if (value && *value) return value;
  fprintf(stderr, "kernels: %s is not set: start it by gshm run\n", name);
  exit(2);
}

/* What is called so belongs to the run, which removes its name however the run ends. */
static const char *of_run(const struct team *t, const char *what, char name[64]) {
  snprintf(name, 64, "%s.%s", what, t->run);
  return name;
}

void team_join(struct team *t, const char *consistency) {
  char name[64];
  t->run = environment("GSHM_RUN");
  t->rank = (unsigned)atoi(environment("GSHM_RANK"));
  t->ranks = (unsigned)atoi(environment("GSHM_RANKS"));
  t->consistency = consistency;
  if (t->ranks < 1 || t->ranks > TEAM_MAX || t->rank >= t->ranks) {
    fprintf(stderr, "kernels: rank %u of %u: up to %u are possible\n", t->rank, t->ranks, TEAM_MAX);
    exit(2);
  }
  if (!(t->g = gshm_attach(NULL))) fail("attach");
  if (!(t->lock = gshm_mutex_handle(t->g, gshm_named(of_run(t, "lock", name))))) fail("mutex");
  team_barrier(t);
}

void team_barrier(struct team *t) {
  char name[64];
  if (t->ranks > 1 && gshm_barrier(t->g, of_run(t, "barrier", name), t->ranks) != 0) fail("barrier");
}

void team_lock(struct team *t) {
  if (gshm_mutex_acquire(t->lock, GSHM_FOREVER) != 0) fail("lock");
}

void team_unlock(struct team *t) {
  if (gshm_mutex_release(t->lock) != 0) fail("unlock");
}

static gshm_segment *part(struct team *t, const char *name, unsigned rank, uint32_t unit, size_t bytes) {
  char short_name[32], full[64];
  snprintf(short_name, sizeof short_name, "%s.%u", name, rank);
  of_run(t, short_name, full);
  if (rank != t->rank) return gshm_open(t->g, full, 0);
  gshm_options options = {.consistency = t->consistency, .unit = unit, .home = GSHM_HOME(gshm_node(t->g))};
  return gshm_create_with(t->g, full, bytes, 0, &options);
}

void *team_memory(struct team *t, const char *name, uint32_t unit, const size_t sizes[], void *parts[]) {
  char *base = next_address, *at[TEAM_MAX];
  for (unsigned r = 0; r < t->ranks; r++) {
    at[r] = next_address;
    next_address += (sizes[r] + unit - 1) / unit * unit;
    if (parts) parts[r] = at[r];
  }
  next_address += unit;
  for (int others = 0; others < 2; others++) {
    for (unsigned r = 0; r < t->ranks; r++) {
      if (sizes[r] == 0 || (r != t->rank) != others) continue;
      gshm_segment *s = part(t, name, r, unit, (sizes[r] + unit - 1) / unit * unit);
      if (!s || !gshm_map(s, at[r], 0, 0)) fail(name);
    }
    team_barrier(t);
  }
  char short_name[32], full[64];
  snprintf(short_name, sizeof short_name, "%s.%u", name, t->rank);
  if (sizes[t->rank] > 0 && gshm_unlink(t->g, of_run(t, short_name, full)) != 0) fail(full);
  return base;
}

/* Major ones, too: which of the two a userfaultfd's is differs. */
static long faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

void team_begin(struct team *t) {
  team_barrier(t);
  t->faults = faults();
  t->began = clock_seconds();
}

double team_end(struct team *t) {
  char name[64];
  long mine = faults() - t->faults;
  team_barrier(t);
  double seconds = clock_seconds() - t->began;
  gshm_key key = gshm_named(of_run(t, "faults", name));
  if (gshm_counter_add(t->g, key, mine, NULL) != 0) fail("counter");
  team_barrier(t);
  int64_t all;
  if (gshm_counter_add(t->g, key, 0, &all) != 0) fail("counter");
  t->faults = all;
  team_barrier(t);
  if (t->rank == 0 && gshm_destroy(t->g, GSHM_COUNTER, key) != 0) fail("counter");
  return seconds;
}

void team_leave(struct team *t) {
  team_barrier(t); /* the first rank has seen the results */
  if (gshm_detach(t->g) != 0) fail("detach");
}
