/* threadlike.C: a program that was written for threads: processes tell each other by global variables what they have done.
 *
 *   threadlike -p2
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

MAIN_ENV

LOCKDEC(lock)
BARDEC(all)
int processes = 1;
long sum, table[20000];
static int numbers;
char text[100] = "before";
static volatile int turn;

static int called(void) {
  static int calls;
  return ++calls;
}

void work(void) {
  int me;
  LOCK(lock)
  me = numbers++;
  called();
  UNLOCK(lock)
  if (me == 0) strcpy(text, "after");
  BARRIER(all, processes)
  if (strcmp(text, "after") != 0) printf("%d: %s\n", me, text);
  for (int i = 0; i < 10; i++) {
    while (turn % processes != me) sched_yield();
    turn++;
  }
  for (long i = me; i < 20000; i += processes) table[i] = i;
  BARRIER(all, processes)
  LOCK(lock)
  for (long i = 0; i < 20000; i++) sum += table[i];
  UNLOCK(lock)
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
  printf("sum %ld\ncalled %d, turn %d\n", sum / processes, called() - 1, turn / processes);
  MAIN_END
}
