/* kernel.h: what each kernel of this folder is to the harness: a program for one processor, in plain memory and without
 * the system, and the same computation by a team of processes that share segments. Both use the same inner loops, and
 * hand their results, in the same order, to a sink: the plain program's writes them to a file, the team's compares them with
 * that file. */
#ifndef GSHM_BENCH_KERNEL_H
#define GSHM_BENCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "team.h"

#define KERNEL_SIZES 2

struct sink;
/* The next results. Those of a comparison may differ by the kernel's tolerance, in proportion to those above 1. */
void sink_doubles(struct sink *, const double *values, size_t count);
void sink_words(struct sink *, const uint32_t *values, size_t count);

struct kernel {
  const char *name;
  const char *sizes; /* what the numbers are, for the usage */
  unsigned least[KERNEL_SIZES], most[KERNEL_SIZES]; /* 0: there is no second number */
  double tolerance; /* 0: results are the same to the bit */
  /* Both give the seconds of the computation, without the filling of the memory before and the results after it. A team's
   * first rank hands the results to the sink: what it sees of the others' memory is compared. */
  double (*plain)(const unsigned size[KERNEL_SIZES], struct sink *);
  double (*shared)(struct team *, const unsigned size[KERNEL_SIZES], struct sink *);
};

/* Seconds of a clock that only goes forward. */
double clock_seconds(void);
/* Zeroed memory of this process alone, at a page; ends the program when there is none. */
void *plain_memory(size_t bytes);
/* A number in [0, 1) that is always the same for that index: inputs need no generator's state, so any rank makes its part. */
static inline double number_at(uint64_t index) {
  index += 0x9e3779b97f4a7c15u;
  index = (index ^ index >> 30) * 0xbf58476d1ce4e5b9u;
  index = (index ^ index >> 27) * 0x94d049bb133111ebu;
  return (double)((index ^ index >> 31) >> 11) * 0x1p-53;
}

#endif
