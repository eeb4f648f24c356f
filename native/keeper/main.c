/* main.c: the place of gshm-keeper's code. */
#include <stdio.h>

int main(void) {
  fputs("gshm-keeper: not built yet\n", stderr);
  return 2;
}
