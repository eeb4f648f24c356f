/* segment_open NAME: opens a segment and maps all of it; prints the seconds that these two took. */
#include <stdio.h>
#include <time.h>

#include "gshm.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: segment_open NAME\n");
    return 2;
  }
  gshm *g = gshm_attach(NULL);
  double before = now();
  gshm_segment *segment = g == NULL ? NULL : gshm_open(g, argv[1], 0);
  void *base = segment == NULL ? NULL : gshm_map(segment, NULL, 0, 0);
  double seconds = now() - before;
  if (base == NULL) {
    fprintf(stderr, "segment_open: %s\n", gshm_strerror(0));
    return 1;
  }
  printf("%.6f\n", seconds);
  return gshm_detach(g) == 0 ? 0 : 1;
}
