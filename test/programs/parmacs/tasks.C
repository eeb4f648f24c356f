/* tasks.C: a queue of tasks in shared memory. Who finds it empty pauses until there is more: a task may add others (the
 * two halves of its interval), so the queue fills and empties. Sums integers in an interval by halving it. What belongs to
 * processes is guarded by an array of locks, and the queue's lock and pauses are globals, not shared memory.
 *
 *   tasks -p2 -n20000       prints the sum, how many tasks there were, and how many were done by all
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

MAIN_ENV

#define PROCESSES_MAX 64
#define SMALL 100

typedef struct task {
  long from, to;
  struct task *next;
} task;

struct pool {
  task *first;
  long waiting, tasks;
  int done;
  long numbers;
  ALOCKDEC(mine, PROCESSES_MAX)
  long sums[PROCESSES_MAX], did[PROCESSES_MAX];
  PAUSEDEC(begin)
};

struct pool *pool;
LOCKDEC(queue)
static PAUSEDEC(more)
int processes = 1;
long until = 20000;

static void put(long from, long to) {
  task *one = (task *)G_MALLOC(sizeof(task));
  one->from = from;
  one->to = to;
  one->next = pool->first;
  pool->first = one;
  pool->tasks++;
}

/* NULL when all is done: nothing is in the queue, and everybody waits. */
static task *get(void) {
  for (;;) {
    LOCK(queue)
    task *one = pool->first;
    if (one) {
      pool->first = one->next;
      if (!pool->first && !pool->done) CLEARPAUSE(more)
      UNLOCK(queue)
      return one;
    }
    if (pool->done || ++pool->waiting == processes) {
      pool->done = 1;
      SETPAUSE(more)
      UNLOCK(queue)
      return NULL;
    }
    CLEARPAUSE(more)
    UNLOCK(queue)
    WAITPAUSE(more)
    LOCK(queue)
    if (!pool->done) pool->waiting--;
    UNLOCK(queue)
  }
}

void work(void) {
  long me;

  WAITPAUSE(pool->begin)
  LOCK(queue)
  me = pool->numbers++;
  UNLOCK(queue)
  for (task *one; (one = get()) != NULL;) {
    long from = one->from, to = one->to, sum = 0;
    G_FREE(one)
    if (to - from > SMALL) {
      long middle = from + (to - from) / 2;
      LOCK(queue)
      put(from, middle);
      put(middle, to);
      SETPAUSE(more)
      UNLOCK(queue)
    } else {
      for (long i = from; i < to; i++) sum += i * i % 1000;
    }
    ALOCK(pool->mine, me)
    pool->sums[me] += sum;
    pool->did[me]++;
    AULOCK(pool->mine, me)
  }
}

int main(int argc, char **argv) {
  int option, i;
  long sum = 0, did = 0;

  while ((option = getopt(argc, argv, "p:n:")) != -1) {
    if (option == 'p') processes = atoi(optarg);
    if (option == 'n') until = atol(optarg);
  }
  MAIN_INITENV(,8000000)
  pool = (struct pool *)G_MALLOC(sizeof(struct pool));
  pool->first = NULL;
  pool->waiting = pool->tasks = pool->done = pool->numbers = 0;
  for (i = 0; i < PROCESSES_MAX; i++) pool->sums[i] = pool->did[i] = 0;
  ALOCKINIT(pool->mine, PROCESSES_MAX)
  LOCKINIT(queue)
  PAUSEINIT(more)
  PAUSEINIT(pool->begin)
  put(0, until);

  for (i = 1; i < processes; i++) {
    CREATE(work)
  }
  SETPAUSE(pool->begin)
  work();
  WAIT_FOR_END(processes - 1);

  for (i = 0; i < processes; i++) {
    sum += pool->sums[i];
    did += pool->did[i];
  }
  printf("sum %ld\ntasks %ld\ndone %ld\n", sum, pool->tasks, did);
  MAIN_END
}
