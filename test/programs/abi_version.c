/* Prints the device protocol's version as libgshm has it: shows that a program finds the library. */
#include <stdio.h>

unsigned gshm_abi_version(void);

int main(void) {
  printf("%u\n", gshm_abi_version());
  return 0;
}
