/* segment_create NAME BYTES: makes a segment that stays when its maker ends. */
#include <stdio.h>
#include <stdlib.h>

#include "gshm.h"

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: segment_create NAME BYTES\n");
    return 2;
  }
  gshm *g = gshm_attach(NULL);
  if (g == NULL || gshm_create(g, argv[1], strtoull(argv[2], NULL, 10), 0) == NULL) {
    fprintf(stderr, "segment_create: %s\n", gshm_strerror(0));
    return 1;
  }
  return gshm_detach(g) == 0 ? 0 : 1;
}
