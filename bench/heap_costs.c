/* heap_costs: what gshm_alloc + gshm_free of one size cost, against malloc + free in the same run.
 *
 *   heap_costs SEGMENT BYTES ROUNDS [COUNT]
 *
 * SEGMENT exists on the daemon of $GSHM_SOCKET, and has room. Each round is a batch of COUNT (default 1)
 * allocations, then as many frees; both allocators take turns, of 15 turns each the fastest counts. Says
 *   {"bytes":64,"count":1,"gshmNs":21.3,"mallocNs":17.9}
 * nanoseconds for one allocation and its free. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gshm.h"

enum { TURNS = 15, COUNT_MAX = 65536 };

static gshm_addr blocks[COUNT_MAX];
static void *volatile pointers[COUNT_MAX];

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "heap_costs: %s: %s\n", what, gshm_strerror(0));
  exit(1);
}

static void with_gshm(gshm_segment *s, uint64_t bytes, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if ((blocks[i] = gshm_alloc(s, bytes)) == 0) fail("alloc");
  for (unsigned i = 0; i < count; i++)
    if (gshm_free(s, blocks[i]) != 0) fail("free");
}

static void with_malloc(uint64_t bytes, unsigned count) {
  for (unsigned i = 0; i < count; i++) pointers[i] = malloc(bytes);
  for (unsigned i = 0; i < count; i++) free(pointers[i]);
}

int main(int argc, char **argv) {
  unsigned count = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 1;
  uint64_t bytes = argc > 3 ? strtoull(argv[2], NULL, 10) : 0, rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
  if (bytes == 0 || rounds == 0 || count == 0 || count > COUNT_MAX) {
    fprintf(stderr, "usage: heap_costs SEGMENT BYTES ROUNDS [COUNT]\n");
    return 2;
  }
  gshm *g = gshm_attach(NULL);
  gshm_segment *s = g ? gshm_open(g, argv[1], 0) : NULL;
  if (!s) fail(argv[1]);
  double least[2] = {1e18, 1e18};
  for (int turn = 0; turn < 2 * TURNS; turn++) {
    double start = now_ns();
    for (uint64_t i = 0; i < rounds; i++) {
      if (turn % 2 == 0) with_gshm(s, bytes, count);
      else with_malloc(bytes, count);
    }
    double each = (now_ns() - start) / (double)rounds / count;
    if (each < least[turn % 2]) least[turn % 2] = each;
  }
  printf("{\"bytes\":%llu,\"count\":%u,\"gshmNs\":%.1f,\"mallocNs\":%.1f}\n", (unsigned long long)bytes, count, least[0],
         least[1]);
  return 0;
}
