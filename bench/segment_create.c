/* segment_create NAME BYTES [CONSISTENCY MANAGER [HOME]]: makes a segment that stays when its maker ends. */
#include <stdio.h>
#include <stdlib.h>

#include "gshm.h"

int main(int argc, char **argv) {
  if (argc < 3 || argc == 4 || argc > 6) {
    fprintf(stderr, "usage: segment_create NAME BYTES [CONSISTENCY MANAGER [HOME]]\n");
    return 2;
  }
  gshm_options options = {0};
  if (argc > 4) {
    options.consistency = argv[3];
    options.manager = argv[4];
  }
  if (argc > 5) options.home = GSHM_HOME(atol(argv[5]));
  gshm *g = gshm_attach(NULL);
  if (g == NULL || gshm_create_with(g, argv[1], strtoull(argv[2], NULL, 10), 0, &options) == NULL) {
    fprintf(stderr, "segment_create: %s\n", gshm_strerror(0));
    return 1;
  }
  return gshm_detach(g) == 0 ? 0 : 1;
}
