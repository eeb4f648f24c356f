/* main.c: the place of gshm-testbed's code. */
#include <stdio.h>

int main(void) {
  fputs("gshm-testbed: not built yet\n", stderr);
  return 2;
}
