/* kernels: application kernels that measure shared memory: each by one process in plain memory, or by ranks that share it.
 *
 *   kernels KERNEL plain FILE SIZE [SIZE]            writes its results to FILE
 *   gshm run -n 2 -- kernels KERNEL mrsw FILE SIZE [SIZE]    or lrc, srsw; compares its results with those of FILE
 *
 * prints a JSON object: `seconds` of the computation; and, of ranks (the first prints), `faults` of all of them meanwhile, how many
 * `values` have been compared, the largest `difference`, and whether all are `right`. The status is 0 only when they are. */
#include "kernel.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const struct kernel kernel_barnes, kernel_fft, kernel_lu, kernel_matrix, kernel_ocean, kernel_radix, kernel_sor;
extern const struct kernel kernel_strassen, kernel_tsp, kernel_water;
static const struct kernel *const kernels[] = {
    &kernel_barnes, &kernel_fft, &kernel_lu,       &kernel_matrix, &kernel_ocean,
    &kernel_radix,  &kernel_sor, &kernel_strassen, &kernel_tsp,    &kernel_water,
};
#define KERNELS (sizeof kernels / sizeof *kernels)

double clock_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void *plain_memory(size_t bytes) {
  bytes = bytes == 0 ? 4096 : (bytes + 4095) / 4096 * 4096;
  void *memory = aligned_alloc(4096, bytes);
  if (!memory) perror("kernels: aligned_alloc"), exit(1);
  return memset(memory, 0, bytes);
}

struct sink {
  FILE *file;
  int compares;
  double tolerance;
  uint64_t values;
  double difference; /* the largest, of a comparison */
  int wrong;
};

static void judge(struct sink *s, double difference) {
  if (!(difference <= s->tolerance)) s->wrong = 1; /* what is no number is wrong, too */
  if (!(difference <= s->difference)) s->difference = difference;
}

/* The file's next bytes, of as many values as `count`; how many there are. */
static size_t expected(struct sink *s, void *values, size_t size, size_t count) {
  size_t got = fread(values, size, count, s->file);
  if (got < count) s->wrong = 1;
  return got;
}

static void write_out(struct sink *s, const void *values, size_t size, size_t count) {
  if (fwrite(values, size, count, s->file) != count) perror("kernels: results"), exit(1);
}

void sink_doubles(struct sink *s, const double *values, size_t count) {
  double wanted[512];
  s->values += count;
  if (!s->compares) return write_out(s, values, sizeof *values, count);
  for (size_t at = 0; at < count; at += 512) {
    size_t got = expected(s, wanted, sizeof *wanted, count - at < 512 ? count - at : 512);
    for (size_t i = 0; i < got; i++) judge(s, fabs(values[at + i] - wanted[i]) / fmax(1, fabs(wanted[i])));
  }
}

void sink_words(struct sink *s, const uint32_t *values, size_t count) {
  uint32_t wanted[1024];
  s->values += count;
  if (!s->compares) return write_out(s, values, sizeof *values, count);
  for (size_t at = 0; at < count; at += 1024) {
    size_t got = expected(s, wanted, sizeof *wanted, count - at < 1024 ? count - at : 1024);
    for (size_t i = 0; i < got; i++) judge(s, values[at + i] == wanted[i] ? 0 : 1);
  }
}

static void open_sink(struct sink *s, const char *path) {
  if (!(s->file = fopen(path, s->compares ? "r" : "w"))) fprintf(stderr, "kernels: %s: %s\n", path, strerror(errno)), exit(1);
}

static void close_sink(struct sink *s) {
  if (s->compares && fgetc(s->file) != EOF) s->wrong = 1; /* the plain program had more */
  if (fclose(s->file) != 0) perror("kernels: results"), exit(1);
}

static int plain(const struct kernel *k, const char *path, const unsigned size[]) {
  struct sink s = {.compares = 0};
  open_sink(&s, path);
  double seconds = k->plain(size, &s);
  close_sink(&s);
  printf("{\"kernel\":\"%s\",\"seconds\":%.6f,\"values\":%llu}\n", k->name, seconds, (unsigned long long)s.values);
  return 0;
}

static int shared(const struct kernel *k, const char *model, const char *path, const unsigned size[]) {
  struct team team = {0};
  struct sink s = {.compares = 1, .tolerance = k->tolerance};
  team_join(&team, model);
  if (team.rank == 0) open_sink(&s, path);
  double seconds = k->shared(&team, size, &s);
  long faults = team.faults;
  if (team.rank == 0) close_sink(&s);
  team_leave(&team);
  if (team.rank != 0) return 0;
  /* JSON has no word for what is no number. */
  double difference = isfinite(s.difference) ? s.difference : 1e300;
  printf("{\"kernel\":\"%s\",\"seconds\":%.6f,\"faults\":%ld,\"values\":%llu,\"difference\":%.3g,\"right\":%s}\n", k->name, seconds,
         faults, (unsigned long long)s.values, difference, s.wrong ? "false" : "true");
  return s.wrong;
}

static const struct kernel *named(const char *name) {
  for (size_t i = 0; i < KERNELS; i++)
    if (strcmp(kernels[i]->name, name) == 0) return kernels[i];
  return NULL;
}

static int usage(void) {
  fprintf(stderr, "usage: kernels KERNEL plain|mrsw|lrc|srsw FILE SIZE...\n");
  for (size_t i = 0; i < KERNELS; i++) fprintf(stderr, "  %s %s\n", kernels[i]->name, kernels[i]->sizes);
  return 2;
}

int main(int argc, char **argv) {
  const struct kernel *k = argc < 4 ? NULL : named(argv[1]);
  if (!k) return usage();
  unsigned size[KERNEL_SIZES] = {0};
  int sizes = k->most[1] == 0 ? 1 : 2;
  if (argc != 4 + sizes) return usage();
  for (int i = 0; i < sizes; i++) {
    char *end;
    unsigned long value = strtoul(argv[4 + i], &end, 10);
    if (end == argv[4 + i] || *end || value < k->least[i] || value > k->most[i]) {
      fprintf(stderr, "kernels: %s: '%s': a number from %u to %u is wanted\n", k->name, argv[4 + i], k->least[i], k->most[i]);
      return 2;
    }
    size[i] = (unsigned)value;
  }
  const char *models[] = {"mrsw", "lrc", "srsw"};
  if (strcmp(argv[2], "plain") == 0) return plain(k, argv[3], size);
  for (int i = 0; i < 3; i++)
    if (strcmp(argv[2], models[i]) == 0) return shared(k, models[i], argv[3], size);
  return usage();
}
