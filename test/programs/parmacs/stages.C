/* stages.C: one CREATE after another without a WAIT_FOR_END between them, as Volrend has them: a barrier at the end of each stage
 * says that it is done, before those that have been created for it have ended. What each stage needs is allocated before it, and
 * given back after it, with free() where that is what a program for threads would say.
 *
 *   stages -p2 [-s 3] [-f]      -f: CREATE(f), the others by fork; without it CREATE(f, n), threads
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

MAIN_ENV

#define LENGTH 5000

struct shared {
  LOCKDEC(lock)
  BARDEC(done)
  long numbers, *values, *before, sum;
} *shared;

int processes = 1, stages = 3, forks;
long *scale; /* from malloc */

static void part(void) {
  long me, sum = 0;

  LOCK(shared->lock)
  me = shared->numbers++;
  UNLOCK(shared->lock)
  for (long i = me; i < LENGTH; i += processes) sum += shared->values[i] = shared->before[i] * scale[i % 10] + 1;
  LOCK(shared->lock)
  shared->sum += sum;
  UNLOCK(shared->lock)
  BARRIER(shared->done, processes)
}

int main(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "p:s:f")) != -1) {
    if (option == 'p') processes = atoi(optarg);
    if (option == 's') stages = atoi(optarg);
    if (option == 'f') forks = 1;
  }
  MAIN_INITENV(, 1000000)
  shared = (struct shared *)G_MALLOC(sizeof *shared)
  LOCKINIT(shared->lock)
  BARINIT(shared->done, processes)
  shared->sum = 0;
  shared->values = (long *)G_MALLOC(LENGTH * sizeof(long), 0);
  memset(shared->values, 0, LENGTH * sizeof(long));
  for (int stage = 0; stage < stages; stage++) {
    shared->numbers = 0;
    shared->before = shared->values;
    shared->values = (long *)NU_MALLOC(10 * sizeof(long), 0);
    shared->values = (long *)realloc(shared->values, LENGTH * sizeof(long));
    scale = (long *)malloc(10 * sizeof(long));
    for (int i = 0; i < 10; i++) scale[i] = stage + i;
    if (forks) {
      for (int i = 1; i < processes; i++) CREATE(part)
      part();
    } else {
      CREATE(part, processes)
    }
    free(scale);
    free(shared->before);
  }
  WAIT_FOR_END(processes)
  printf("sum %ld, last %ld\n", shared->sum, shared->values[LENGTH - 1]);
  MAIN_END
}
