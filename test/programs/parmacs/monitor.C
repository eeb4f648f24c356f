/* monitor.C: a buffer of one place between producers and consumers, as a monitor with a queue for each kind. Nobody looks again after
 * DELAY whether there is room, or something: who has been continued finds it so.
 *
 *   monitor -p4 [-n 100]    half of the processes produce n numbers each; -p1: one after another
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

MAIN_ENV

#define ROOM 0
#define SOMETHING 1

struct shared {
  MONDEC(buffer)
  LOCKDEC(lock)
  long full, number, numbers, sum, wrong;
} *shared;
MONDEC(turns) /* a global variable is a monitor, too */
int processes = 1, count = 100;

static void produce(long number) {
  MENTER(shared->buffer)
  if (shared->full) DELAY(shared->buffer, ROOM)
  if (shared->full) shared->wrong++;
  shared->full = 1;
  shared->number = number;
  CONTINUE(shared->buffer, SOMETHING)
}

static void consume(void) {
  MENTER(shared->buffer)
  if (!shared->full) DELAY(shared->buffer, SOMETHING)
  if (!shared->full) shared->wrong++;
  shared->full = 0;
  shared->sum += shared->number;
  CONTINUE(shared->buffer, ROOM)
}

void work(void) {
  long me;
  MENTER(turns)
  me = shared->numbers++;
  MEXIT(turns)
  for (long i = 1; i <= count; i++) {
    if (processes == 1 || me % 2 == 0) produce(i);
    if (processes == 1 || me % 2 == 1) consume();
  }
}

int main(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "p:n:")) != -1) {
    if (option == 'p') processes = atoi(optarg);
    if (option == 'n') count = atoi(optarg);
  }
  MAIN_INITENV
  shared = (struct shared *)G_MALLOC(sizeof *shared);
  MONINIT(shared->buffer)
  MONINIT(turns)
  LOCKINIT(shared->lock)
  shared->full = shared->numbers = shared->sum = shared->wrong = 0;
  for (int i = 1; i < processes; i++) CREATE(work)
  work();
  WAIT_FOR_END(processes - 1)
  printf("sum %ld, wrong %ld\n", shared->sum, shared->wrong);
  MAIN_END
}
