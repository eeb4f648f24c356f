/* stream_worker: fills a global segment, or reads what another process has filled it with, and times that.
 *
 *   stream_worker SEGMENT BYTES UNIT MODEL
 *
 * makes the segment, or opens it, prints `ready`, and makes one pass for each line of standard input, KIND BYTES: over that
 * many bytes from the segment's start. It prints a JSON object of `us`, the pass's time. It ends with its input. Kinds:
 *
 *   fill        stores to every word
 *   sequential  loads every word, from the first to the last
 *   random      the same, pages in an order that is none
 *
 * A word's value is its number: a reader that finds another says so, and ends with status 1. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "gshm.h"
#include "measure.h"

#define PAGE_WORDS (4096u / sizeof(uint64_t))

static gshm_segment *segment;
static volatile uint64_t *words;

static int fail(const char *what) {
  fprintf(stderr, "stream_worker: %s\n", what);
  return 1;
}

static bool fill_page(uint64_t page) {
  for (uint64_t i = page * PAGE_WORDS; i < (page + 1) * PAGE_WORDS; i++) words[i] = i;
  return true;
}

static bool read_page(uint64_t page) {
  uint64_t sum = 0, first = page * PAGE_WORDS;
  for (uint64_t i = first; i < first + PAGE_WORDS; i++) sum += words[i];
  return sum == PAGE_WORDS * first + PAGE_WORDS * (PAGE_WORDS - 1) / 2;
}

static uint64_t in_order(uint64_t n, uint64_t pages) { return (void)pages, n; }
/* Odd multiples go through all residues of a power of two; this one is 2^64 / phi. */
static uint64_t scattered(uint64_t n, uint64_t pages) { return n * 0x9e3779b97f4a7c15u & (pages - 1); }

static const struct kind {
  const char *name;
  bool (*touch)(uint64_t page);
  uint64_t (*nth)(uint64_t n, uint64_t pages);
} kinds[] = {{"fill", fill_page, in_order}, {"sequential", read_page, in_order}, {"random", read_page, scattered}};

static int pass(const char *line, uint64_t size) {
  char name[16];
  unsigned long long bytes = 0;
  const struct kind *kind = NULL;
  if (sscanf(line, "%15s %llu", name, &bytes) == 2)
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
      if (strcmp(kinds[i].name, name) == 0) kind = &kinds[i];
  uint64_t pages = bytes / 4096;
  if (kind == NULL || pages == 0 || bytes > size || (pages & (pages - 1)) != 0)
    return fail("a pass is: fill|sequential|random BYTES, a power of two from 4096 to the segment's");
  double before = now_us();
  for (uint64_t n = 0; n < pages; n++)
    if (!kind->touch(kind->nth(n, pages))) return fail("a page that is not what was written");
  double us = now_us() - before;
  if (gshm_release(segment, 0, 0) != 0) return fail(gshm_strerror(0)); /* under lrc others see it from here on */
  print_samples(&us, 1);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: stream_worker SEGMENT BYTES UNIT MODEL\n"), 2;
  uint64_t size = strtoull(argv[2], NULL, 10);
  gshm_options options = {.unit = (uint32_t)strtoul(argv[3], NULL, 10), .consistency = argv[4]};
  gshm *g = gshm_attach(NULL);
  if (!g) return fail(gshm_strerror(0));
  segment = gshm_create_with(g, argv[1], size, GSHM_OPEN_OR_CREATE, &options);
  if (!segment || !(words = gshm_map(segment, NULL, 0, 0))) return fail(gshm_strerror(0));
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin))
    if (pass(line, size) != 0) return 1;
  return gshm_detach(g) == 0 ? 0 : fail(gshm_strerror(0));
}
