/* fault_touch: touches pages of a global segment and times each first access in the thread that faults.
 *
 *   fault_touch SEGMENT FIRST STRIDE COUNT PASS...      (PASS: read, write or stay)
 *
 * Every pass touches COUNT pages, FIRST, FIRST + STRIDE, ... in that order, and prints one line: a
 *  JSON array of the latencies in microseconds. The pass `stay` waits until standard input ends: the
 * process keeps its view, and other nodes' faults have to take its access away. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gshm.h"

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
  if (argc < 6) {
    fprintf(stderr, "usage: fault_touch SEGMENT FIRST STRIDE COUNT read|write...\n");
    return 2;
  }
  long first = atol(argv[2]), stride = atol(argv[3]), count = atol(argv[4]);
  gshm *g = gshm_attach(NULL);
  gshm_segment *segment = g == NULL ? NULL : gshm_open(g, argv[1], 0);
  char *base = segment == NULL ? NULL : gshm_map(segment, NULL, 0, 0);
  double *us = malloc(sizeof *us * (size_t)count);
  if (base == NULL || us == NULL) {
    fprintf(stderr, "fault_touch: %s\n", gshm_strerror(0));
    return 1;
  }
  memset(us, 0, sizeof *us * (size_t)count); /* its own page faults shall not be measured */
  for (int pass = 5; pass < argc; pass++) {
    if (strcmp(argv[pass], "stay") == 0) {
      fflush(stdout);
      while (getchar() != EOF) continue;
      continue;
    }
    int writes = strcmp(argv[pass], "write") == 0;
    for (long i = 0; i < count; i++) {
      volatile char *at = base + (size_t)(first + i * stride) * 4096;
      double before = now_us();
      if (writes) *at = (char)i;
      else (void)*at;
      us[i] = now_us() - before;
    }
    printf("[");
    for (long i = 0; i < count; i++) printf(i == 0 ? "%.2f" : ",%.2f", us[i]);
    printf("]\n");
  }
  return gshm_detach(g) == 0 ? 0 : 1;
}
