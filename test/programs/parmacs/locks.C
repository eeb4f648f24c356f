/* locks.C: as many locks in shared memory as -l says, one in each of as many small blocks and the others in an array, all used by all.
 *
 *   locks -p2 -l20000 -r2        prints the sum of what they guard, and how many there were
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

MAIN_ENV

struct cell {
  long value;
  LOCKDEC(lock)
  struct cell *next;
};

struct shared {
  struct cell *cells;
  long *values;
  BARDEC(all)
  ALOCKDEC(more, 100000)
} *shared;

long processes = 1, locks = 20000, rounds = 2;

void work(void) {
  for (long round = 0; round < rounds; round++) {
    for (struct cell *cell = shared->cells; cell; cell = cell->next) {
      LOCK(cell->lock)
      cell->value++;
      UNLOCK(cell->lock)
    }
    for (long i = 0; i < locks / 2; i++) {
      ALOCK(shared->more, i)
      shared->values[i]++;
      AULOCK(shared->more, i)
    }
    BARRIER(shared->all, processes)
  }
}

int main(int argc, char **argv) {
  int option;
  long sum = 0, count = 0;
  while ((option = getopt(argc, argv, "p:l:r:")) != -1) {
    if (option == 'p') processes = atol(optarg);
    if (option == 'l') locks = atol(optarg);
    if (option == 'r') rounds = atol(optarg);
  }
  MAIN_INITENV(, 100000000)
  shared = (struct shared *)G_MALLOC(sizeof *shared);
  shared->cells = NULL;
  shared->values = (long *)G_MALLOC(locks * sizeof(long));
  ALOCKINIT(shared->more, locks / 2)
  BARINIT(shared->all, processes)
  for (long i = 0; i < locks / 2; i++) {
    struct cell *cell = (struct cell *)G_MALLOC(sizeof *cell);
    cell->value = shared->values[i] = 0;
    LOCKINIT(cell->lock)
    cell->next = shared->cells;
    shared->cells = cell;
  }
  CREATE(work, processes)
  WAIT_FOR_END(processes)
  for (struct cell *cell = shared->cells; cell; cell = cell->next, count++) sum += cell->value;
  for (long i = 0; i < locks / 2; i++, count++) sum += shared->values[i];
  printf("sum %ld\nlocks %ld\n", sum, count);
  MAIN_END
}
