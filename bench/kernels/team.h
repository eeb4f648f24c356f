/* team.h: the processes that run one kernel together. Each is a rank, as `gshm run` numbers them in the environment. They share
 * memory in parts: each rank's part is a segment of its own, made by that rank, whose home is its node. In every process
 * the parts lie one behind the other, at the same address, so pointers are good in all of them. */
#ifndef GSHM_BENCH_TEAM_H
#define GSHM_BENCH_TEAM_H

#include <stddef.h>
#include <stdint.h>

#include "gshm.h"

#define TEAM_MAX 64u

struct team {
  unsigned rank, ranks;
  const char *consistency; /* of all memory that is shared */
  gshm *g;
  const char *run;
  gshm_mutex *lock;
  double began;
  long faults; /* of this process, when it began; then of the whole team, in between */
};

/* Attaches, and meets the others. Whatever fails in here ends the program with a line. */
void team_join(struct team *, const char *consistency);
/* Part r has sizes[r] bytes, rounded up to `unit`, which is also what the protocol keeps together; they may be 0. All ranks call
 * it with the same. @param parts gets the address of each part; may be NULL @return that of the first */
void *team_memory(struct team *, const char *name, uint32_t unit, const size_t sizes[], void *parts[]);
void team_barrier(struct team *);
/* One mutex of the whole team. */
void team_lock(struct team *);
void team_unlock(struct team *);
/* Around the part that is timed: both are barriers. @return seconds between them */
void team_begin(struct team *);
double team_end(struct team *);
void team_leave(struct team *);

/* The unit for pieces of that many bytes: a piece, if that can be. */
static inline uint32_t team_unit(size_t bytes) {
  uint32_t unit = 4096;
  while (unit < 65536 && unit < bytes) unit *= 2;
  return unit;
}

/* Of `count` things in a row, the first one that is a rank's; `rank` may be `ranks`: the end. */
static inline unsigned team_first(const struct team *t, unsigned rank, unsigned count) {
  return (unsigned)((uint64_t)count * rank / t->ranks);
}
/* Whose it is. */
static inline unsigned team_owner(const struct team *t, unsigned index, unsigned count) {
  unsigned rank = (unsigned)(((uint64_t)index * t->ranks + t->ranks - 1) / count);
  while (rank >= t->ranks || team_first(t, rank, count) > index) rank--;
  while (team_first(t, rank + 1, count) <= index) rank++;
  return rank;
}

#endif
