/* padded.C: an element of a global array for each processor that there may ever be, padded so that no two share a page: 64 MiB of
 * zeros, as Raytrace and Radiosity have them. Each process uses its own element, and one of each is looked at.
 *
 *   padded -p2
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

MAIN_ENV

#define PROCESSORS_MAX 1024

struct {
  long before[PAGE_SIZE];
  long value;
  long behind[PAGE_SIZE];
} own[PROCESSORS_MAX];
LOCKDEC(lock)
BARDEC(all)
int processes = 1, numbers;

void work(void) {
  int me;
  long sum = 0;

  LOCK(lock)
  me = numbers++;
  UNLOCK(lock)
  own[me].value = me + 1;
  BARRIER(all, processes)
  for (int i = 0; i < processes; i++) sum += own[i].value;
  if (me == processes - 1) own[me].before[0] = sum;
}

int main(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "p:")) != -1)
    if (option == 'p') processes = atoi(optarg);
  MAIN_INITENV()
  BARINIT(all, processes)
  LOCKINIT(lock)
  CREATE(work, processes)
  WAIT_FOR_END(processes)
  printf("sum %ld\n", own[processes - 1].before[0]);
  MAIN_END
}
