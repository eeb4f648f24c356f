/* locations: many threads read and write the same few pages at random, and judge what they see.
 *
 *   locations SEGMENT NODE NODES THREADS OPERATIONS SEED
 *
 * Every word has one writing thread in the cluster, which writes 1, 2, 3... So a reader must never see
 * a word go back; and as a writer writes the word in the page before it wrote the one in the next with
 * the same value, who has read a value in one page must find it in the page before. Prints what was
 * wrong, or "right", then the last value of each of its words is at its place. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gshm.h"

#define PAGE 4096
#define PAGES 6
#define WRITERS_MAX 64

static char *memory;
static unsigned first_writer, writers, operations, seed;
static _Atomic unsigned wrong;

static volatile uint64_t *word(unsigned page, unsigned writer) {
  return (volatile uint64_t *)(memory + (size_t)page * PAGE) + writer;
}

static unsigned draw(unsigned *state, unsigned bound) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % bound;
}

static void complain(const char *what, unsigned page, unsigned writer, uint64_t value, uint64_t least) {
  if (wrong++ < 5)
    printf("%s: page %u, writer %u: %llu, at least %llu expected\n", what, page, writer, (unsigned long long)value,
           (unsigned long long)least);
}

static void *run(void *argument) {
  const unsigned self = (unsigned)(uintptr_t)argument;
  unsigned state = seed + self * 7919u;
  uint64_t seen[PAGES][WRITERS_MAX] = {{0}}, written = 0;
  for (unsigned i = 0; i < operations; i++) {
    if (draw(&state, 4) == 0) {
      written++;
      for (unsigned page = 0; page < PAGES; page++) *word(page, self) = written;
      continue;
    }
    const unsigned writer = draw(&state, writers), page = draw(&state, PAGES);
    const uint64_t value = *word(page, writer);
    if (value < seen[page][writer]) complain("went back", page, writer, value, seen[page][writer]);
    seen[page][writer] = value;
    if (page == 0) continue;
    const uint64_t before = *word(page - 1, writer);
    if (before < value) complain("out of order", page - 1, writer, before, value);
    if (before < seen[page - 1][writer]) complain("went back", page - 1, writer, before, seen[page - 1][writer]);
    seen[page - 1][writer] = before;
  }
  for (unsigned page = 0; page < PAGES; page++)
    if (*word(page, self) != written) complain("own word", page, self, *word(page, self), written);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: locations SEGMENT NODE NODES THREADS OPERATIONS SEED\n");
    return 2;
  }
  const unsigned threads = (unsigned)atoi(argv[4]);
  writers = threads * (unsigned)atoi(argv[3]);
  first_writer = threads * (unsigned)atoi(argv[2]);
  operations = (unsigned)atoi(argv[5]);
  seed = (unsigned)atoi(argv[6]);
  gshm *g = gshm_attach(NULL);
  gshm_segment *segment = g ? gshm_open(g, argv[1], 0) : NULL;
  if (!segment || !(memory = gshm_map(segment, NULL, 0, 0)) || writers > WRITERS_MAX) {
    fprintf(stderr, "locations: %s\n", gshm_strerror(errno));
    return 1;
  }
  if (gshm_barrier(g, "start", (uint32_t)atoi(argv[3])) != 0) return 1;
  pthread_t thread[WRITERS_MAX];
  for (unsigned i = 0; i < threads; i++)
    if (pthread_create(&thread[i], NULL, run, (void *)(uintptr_t)(first_writer + i)) != 0) return 1;
  for (unsigned i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  if (wrong == 0) printf("right\n");
  return wrong != 0;
}
