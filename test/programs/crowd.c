/* crowd: more mutexes than a node has words for, so that words serve other locks than processes remember.
 *
 *   crowd PROCESSES [all]     one of so many processes that run it at once; one of them with `all`
 *
 * Everybody takes some sample locks, and remembers where their words are. Who is told `all` then takes, one by one, more
 * locks than there are words. Then everybody adds to a count under each of the samples. Prints what that has come to, which is
 * PROCESSES times ROUNDS for each if no two were ever in there at once. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/lock_words.h"
#include "gshm.h"

#define LOCKS (GSHM_LOCK_SLOTS + 8192) /* idle tokens that a node keeps are fewer: all words are used twice */
#define SAMPLES 32u
#define ROUNDS 100u

static gshm *g;
static volatile uint64_t *counts; /* a page each */

static void must(int result, const char *what) {
  if (result == 0) return;
  printf("wrong %s: %s\n", what, gshm_strerror(errno));
  exit(1);
}

static uint64_t sample(unsigned i) { return 1 + (uint64_t)i * (LOCKS - 1) / (SAMPLES - 1); }

static void add(unsigned i) {
  volatile uint64_t *count = counts + (size_t)i * 512;
  must(gshm_lock_n(g, sample(i)), "lock");
  uint64_t before = *count;
  for (volatile unsigned spin = 0; spin < 300; spin++) {}
  *count = before + 1;
  must(gshm_unlock_n(g, sample(i)), "unlock");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  uint32_t processes = (uint32_t)atoi(argv[1]);
  gshm_segment *s = NULL;
  if (!(g = gshm_attach(NULL)) || !(s = gshm_create(g, "crowd", SAMPLES * 4096, GSHM_OPEN_OR_CREATE)) ||
      !(counts = gshm_map(s, NULL, 0, 0)))
    must(-1, "start");
  for (unsigned i = 0; i < SAMPLES; i++) add(i);
  must(gshm_barrier(g, "crowd", processes), "barrier");
  if (argc > 2) {
    for (uint64_t n = 1; n <= LOCKS; n++) {
      must(gshm_lock_n(g, n), "lock of many");
      must(gshm_unlock_n(g, n), "unlock of many");
    }
  }
  must(gshm_barrier(g, "crowd", processes), "barrier");
  for (unsigned round = 1; round < ROUNDS; round++)
    for (unsigned i = 0; i < SAMPLES; i++) add(i);
  must(gshm_barrier(g, "crowd", processes), "barrier");
  for (unsigned i = 0; i < SAMPLES; i++)
    if (counts[i * 512] != processes * ROUNDS) printf("wrong lock %llu: %llu\n", (unsigned long long)sample(i), (unsigned long long)counts[i * 512]);
  printf("%u\n", processes * ROUNDS);
  return gshm_detach(g) == 0 ? 0 : 1;
}
