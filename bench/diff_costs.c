/* diff_costs: what twins and diffs cost, without Node.js.
 *
 *   diff_costs ROUNDS
 *
 * Prints one JSON object of microseconds, each the median of ROUNDS rounds of 100 calls: for a page
 * in which nothing, one word, 32 words, every other byte, or everything has changed, what
 * gshm_diff_encode, _check and _apply take (private memory), and gshm_frames_diff and _patch (a page
 * of a memfd, another page each call); copying a page in memory and from a memfd; and both ways of
 * gshm_frames_patch by the number of runs. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/diff.h"
#include "core/frames.h"

#define PAGE 4096u
#define CALLS 100

static uint8_t twin[PAGE], now[PAGE], target[PAGE], diff[GSHM_DIFF_BYTES_MAX(PAGE)], again[sizeof diff];
static size_t length;
static struct gshm_frames frames;
static int rounds;
static double *samples;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* One call of what is measured, on page `page`; 0 or a negative errno. */
typedef int (*call)(uint64_t page);

static double cost(call measured) {
  for (int round = 0; round < rounds; round++) {
    double before = now_us();
    for (uint64_t page = 0; page < CALLS; page++) {
      if (measured(page) != 0) fprintf(stderr, "diff_costs: a call has failed\n"), exit(1);
    }
    samples[round] = (now_us() - before) / CALLS;
  }
  qsort(samples, (size_t)rounds, sizeof *samples, by_value);
  return samples[rounds / 2];
}

static int copy(uint64_t page) {
  memcpy(target, now, PAGE);
  __asm__ volatile("" ::: "memory"); /* or the compiler copies once */
  return 0;
}
static int copy_frame(uint64_t page) { return gshm_frames_copy_out(&frames, page, 1, target); }
static int encode(uint64_t page) { return gshm_diff_encode(now, twin, PAGE, again) == length ? 0 : -1; }
static int check(uint64_t page) { return gshm_diff_check(diff, length, PAGE); }
static int apply(uint64_t page) {
  gshm_diff_apply(diff, length, target, PAGE);
  return 0;
}
static int diff_frame(uint64_t page) {
  size_t bytes = 0;
  int result = gshm_frames_diff(&frames, page, twin, PAGE, again, &bytes);
  return result == 0 && bytes != length ? -1 : result;
}
static int patch(uint64_t page) { return gshm_frames_patch(&frames, page, diff, length, PAGE); }
static int by_writes(uint64_t page) { return gshm_frames_patch_by_writes(&frames, page, diff, length); }
static int by_mapping(uint64_t page) { return gshm_frames_patch_by_mapping(&frames, page, diff, length, PAGE); }

/* Makes `now` differ in `count` pieces of `bytes`, evenly spread; frames and the diff go with it. */
static void change(unsigned count, unsigned bytes) {
  memcpy(now, twin, PAGE);
  for (unsigned i = 0; i < count; i++) {
    for (unsigned j = 0; j < bytes; j++) now[i * (PAGE / count) + j] ^= 1;
  }
  length = gshm_diff_encode(now, twin, PAGE, diff);
  for (uint64_t page = 0; page < CALLS; page++) {
    if (gshm_frames_copy_in(&frames, page, 1, now) != 0) exit(1);
  }
}

static void pattern(const char *name, unsigned count, unsigned bytes) {
  change(count, bytes);
  printf("\"%s\":{\"diffBytes\":%zu,\"encodeUs\":%.3f,\"checkUs\":%.3f,\"applyUs\":%.3f,", name, length, cost(encode),
         cost(check), cost(apply));
  printf("\"diffFrameUs\":%.3f,\"patchFrameUs\":%.3f}", cost(diff_frame), cost(patch));
}

int main(int argc, char **argv) {
  rounds = argc == 2 ? atoi(argv[1]) : 0;
  if (rounds < 1 || rounds > 100000) {
    fprintf(stderr, "usage: diff_costs ROUNDS (1 to 100000)\n");
    return 2;
  }
  samples = malloc(sizeof *samples * (size_t)rounds);
  if (samples == NULL || gshm_frames_open(&frames, "gshm-bench-diff", CALLS) != 0) return 1;
  for (unsigned i = 0; i < PAGE; i++) twin[i] = (uint8_t)(i * 7 + i / 256);
  printf("{\"pages\":{");
  pattern("same", 0, 0), printf(",");
  pattern("oneWord", 1, 8), printf(",");
  pattern("words32", 32, 8), printf(",");
  pattern("everyOther", PAGE / 2, 1), printf(",");
  pattern("whole", 1, PAGE);
  printf("},\"twinCopyUs\":%.3f,\"twinFrameUs\":%.3f,\"patchWaysUs\":[", cost(copy), cost(copy_frame));
  static const unsigned runs[] = {1, 2, 4, 8, 10, 12, 16, 32, 64};
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    change(runs[i], 8);
    printf("%s{\"runs\":%u,\"writes\":%.3f,\"mapping\":%.3f}", i ? "," : "", runs[i], cost(by_writes), cost(by_mapping));
  }
  printf("]}\n");
  return 0;
}
