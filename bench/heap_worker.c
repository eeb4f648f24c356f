/* heap_worker: allocates and frees, and times it in the thread that waits.
 *
 *   heap_worker malloc|SEGMENT
 *
 * with glibc's malloc, or from the heap of a global segment. It prints `ready`, then makes one pass for each line of
 * standard input, KIND COUNT, and prints a JSON object of `us`, COUNT means of BATCH operations, in microseconds.
 * It ends with its input. Kinds:
 *
 *   small   alloc and free of 64 bytes
 *   mix     of BLOCKS blocks one is freed and another allocated, of 16 bytes to 64 KiB, each doubling as often
 *   large   alloc and free of 1 MiB
 *
 * Nothing is written to the blocks: pages are the fault benchmark's affair. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "gshm.h"
#include "measure.h"

#define BATCH 100
#define BLOCKS 64
#define SMALL 64u
#define LARGE (1u << 20)

static gshm_segment *segment; /* NULL: malloc */
static uint64_t random_state;

static uint64_t take(uint64_t size) {
  if (segment != NULL) return gshm_alloc(segment, size);
  void *volatile block = malloc(size);
  return (uint64_t)(uintptr_t)block;
}

static bool give(uint64_t block) {
  if (segment != NULL) return gshm_free(segment, block) == 0;
  free((void *)(uintptr_t)block);
  return true;
}

static bool pair(uint64_t size) {
  uint64_t block = take(size);
  return block != 0 && give(block);
}

static bool small(void) { return pair(SMALL); }
static bool large(void) { return pair(LARGE); }

/* xorshift64 (Marsaglia 2003): the same sizes in every pass. */
static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

static uint64_t blocks[BLOCKS];

static bool mix(void) {
  uint64_t r = next_random();
  uint64_t *block = &blocks[r % BLOCKS];
  uint64_t least = UINT64_C(16) << (r >> 8) % 12;
  if (*block != 0 && !give(*block)) return false;
  *block = take(least + (r >> 16) % (least + 1));
  return *block != 0;
}

static const struct kind {
  const char *name;
  bool (*operation)(void);
} kinds[] = {{"small", small}, {"mix", mix}, {"large", large}};

static int fail(const char *what) {
  fprintf(stderr, "heap_worker: %s\n", what);
  return 1;
}

static bool measure(const struct kind *kind, int count, double *us) {
  random_state = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < count; i++) {
    double before = now_us();
    for (int n = 0; n < BATCH; n++)
      if (!kind->operation()) return false;
    us[i] = (now_us() - before) / BATCH;
  }
  for (int i = 0; i < BLOCKS; i++) {
    if (blocks[i] != 0 && !give(blocks[i])) return false;
    blocks[i] = 0;
  }
  return true;
}

static int pass(const char *line) {
  char name[16];
  int count = 0;
  const struct kind *kind = NULL;
  if (sscanf(line, "%15s %d", name, &count) == 2)
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
      if (strcmp(kinds[i].name, name) == 0) kind = &kinds[i];
  double *us = kind == NULL || count < 1 ? NULL : calloc((size_t)count, sizeof *us);
  if (us == NULL) return fail("a pass is: small|mix|large COUNT");
  if (!measure(kind, count, us)) return fail(segment == NULL ? "malloc failed" : gshm_strerror(0));
  print_samples(us, count);
  free(us);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) return fail("usage: heap_worker malloc|SEGMENT");
  gshm *g = NULL;
  if (strcmp(argv[1], "malloc") != 0) {
    g = gshm_attach(NULL);
    segment = g == NULL ? NULL : gshm_open(g, argv[1], 0);
    if (segment == NULL) return fail(gshm_strerror(0));
  }
  puts("ready");
  fflush(stdout);
  for (char line[32]; fgets(line, sizeof line, stdin) != NULL;)
    if (pass(line) != 0) return 1;
  return g == NULL || gshm_detach(g) == 0 ? 0 : fail(gshm_strerror(0));
}
