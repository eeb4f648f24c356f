/* fault_touch: touches pages of a global segment, and times it in the thread that waits.
 *
 *   fault_touch SEGMENT [PASS FIRST STRIDE COUNT]
 *
 * A pass goes through COUNT pages, FIRST, FIRST + STRIDE, ... in that order, and prints one line: a JSON
 * object of `us`, the latencies in microseconds, and `faults`, this thread's page faults meanwhile as the
 * kernel counts them (minflt + majflt in /proc). Without arguments it prints `mapped`, and passes are
 * lines of standard input, until it ends: the process keeps its view as long, and other nodes' faults have
 * to take its access away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "gshm.h"

#define PAGE 4096u

static gshm_segment *segment;
static volatile char *base;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static long faults_so_far(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

static int fail(const char *what) {
  fprintf(stderr, "fault_touch: %s\n", what);
  return 1;
}

static int load(size_t offset) { return (void)base[offset], 0; }
static int store(size_t offset) { return base[offset] = 1, 0; }
static int release(size_t offset) { return gshm_release(segment, offset, PAGE); }
static int acquire(size_t offset) { return gshm_acquire(segment, offset, PAGE); }

/* What is done to each page, and what is done to it before that is not timed. */
static const struct pass {
  const char *name;
  int (*untimed)(size_t offset), (*timed)(size_t offset);
} passes[] = {{"read", NULL, load}, {"write", NULL, store}, {"release", store, release}, {"acquire", NULL, acquire}};

static const struct pass *pass_named(const char *name) {
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
    if (strcmp(passes[i].name, name) == 0) return &passes[i];
  return NULL;
}

/* @param words PASS FIRST STRIDE COUNT; gives the program's status */
static int go_through(const char *words) {
  char name[16];
  long first, stride, count;
  int found = sscanf(words, "%15s %ld %ld %ld", name, &first, &stride, &count);
  const struct pass *pass = found == 4 && count > 0 ? pass_named(name) : NULL;
  if (pass == NULL) return fail("a pass is: read|write|release|acquire FIRST STRIDE COUNT");
  double *us = malloc(sizeof *us * (size_t)count);
  if (us == NULL) return fail("no memory");
  /* What the loop's own code and data fault in shall be there before. */
  memset(us, 0, sizeof *us * (size_t)count);
  us[0] = now_us();
  long faults = -faults_so_far();
  for (long i = 0; i < count; i++) {
    size_t offset = (size_t)(first + i * stride) * PAGE;
    if (pass->untimed != NULL) pass->untimed(offset);
    double before = now_us();
    if (pass->timed(offset) != 0) return fail(gshm_strerror(0));
    us[i] = now_us() - before;
  }
  faults += faults_so_far();
  printf("{\"us\":[");
  for (long i = 0; i < count; i++) printf(i == 0 ? "%.2f" : ",%.2f", us[i]);
  printf("],\"faults\":%ld}\n", faults);
  fflush(stdout);
  free(us);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2 && argc != 6) return fail("usage: fault_touch SEGMENT [PASS FIRST STRIDE COUNT]");
  gshm *g = gshm_attach(NULL);
  segment = g == NULL ? NULL : gshm_open(g, argv[1], 0);
  base = segment == NULL ? NULL : gshm_map(segment, NULL, 0, 0);
  if (base == NULL) return fail(gshm_strerror(0));
  char words[128];
  int status = 0;
  if (argc == 6) {
    snprintf(words, sizeof words, "%s %s %s %s", argv[2], argv[3], argv[4], argv[5]);
    status = go_through(words);
  } else {
    puts("mapped");
    fflush(stdout);
    while (status == 0 && fgets(words, sizeof words, stdin) != NULL) status = go_through(words);
  }
  if (gshm_detach(g) != 0) return fail(gshm_strerror(0));
  return status;
}
