/* tree.C: processes wait for each other's parts of a tree, box by box, and then take tasks from each other's pools. A box has a
 * condition, and one lock of an array that several share, as FMM's; tasks have the function to call, as Radiosity's, and a pool is
 * looked at before its lock is taken.
 *
 *   tree -p2 [-d 8] [-w]    -d: levels. -w: waits in a loop until another process has stored something, as SPLASH-2's FMM,
 *                           Cholesky and Radiosity do: not for lrc
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

MAIN_ENV

#define PROCESSES_MAX 64
#define LOCKS 7

typedef struct box {
  long value, sum, lock;
  volatile long children;
  CONDVARDEC(ready)
} box;

typedef struct task {
  void (*run)(struct task *task, long me);
  long from, to;
  struct task *next;
} task;

struct pool {
  char before[PAGE_SIZE];
  task *first;
  volatile long count;
  LOCKDEC(lock)
};

struct shared {
  ALOCKDEC(locks, LOCKS)
  LOCKDEC(lock)
  BARDEC(all)
  long numbers, sum;
  volatile long left; /* tasks */
  struct pool pools[PROCESSES_MAX];
  box boxes[1];
} *shared;

long processes = 1, boxes = 255, in_loops;

static void await_children(box *b) {
  if (in_loops) {
    while (b->children != 2) sched_yield();
    return;
  }
  ALOCK(shared->locks, b->lock)
  while (b->children != 2) CONDVARWAIT(b->ready, AGETL(shared->locks, b->lock))
  AULOCK(shared->locks, b->lock)
}

/* From the leaves, which come last, to the root, which is box 0. */
static void upward(long me) {
  for (long i = boxes - 1; i >= 0; i--) {
    box *b = &shared->boxes[i], *parent = &shared->boxes[(i - 1) / 2];
    if (i % processes != me) continue;
    if (2 * i + 2 < boxes) await_children(b);
    b->value = b->sum + i + 1;
    if (i == 0) continue;
    ALOCK(shared->locks, parent->lock)
    parent->sum += b->value;
    parent->children++;
    CONDVARBCAST(parent->ready)
    AULOCK(shared->locks, parent->lock)
  }
}

static void put(task *one, long whose) {
  struct pool *pool = &shared->pools[whose];
  LOCK(pool->lock)
  one->next = pool->first;
  pool->first = one;
  pool->count++;
  UNLOCK(pool->lock)
}

static task *take(long whose) {
  struct pool *pool = &shared->pools[whose];
  task *one = NULL;
  if (pool->count == 0) return NULL; /* it may have one by now: then it is found the next time, or another finds it */
  LOCK(pool->lock)
  if (pool->first) {
    one = pool->first;
    pool->first = one->next;
    pool->count--;
  }
  UNLOCK(pool->lock)
  return one;
}

static void add_up(task *one, long me) {
  long sum = 0;
  for (long i = one->from; i < one->to; i++) sum += shared->boxes[i].value;
  LOCK(shared->lock)
  shared->sum += sum;
  UNLOCK(shared->lock)
}

static void halve(task *one, long me) {
  long middle = (one->from + one->to) / 2, ends[] = {one->from, middle, one->to};
  for (int half = 0; half < 2; half++) {
    task *other = (task *)G_MALLOC(sizeof(task))
    other->from = ends[half];
    other->to = ends[half + 1];
    other->run = other->to - other->from > 8 ? halve : add_up;
    LOCK(shared->lock)
    shared->left++;
    UNLOCK(shared->lock)
    put(other, me);
  }
}

static long left(void) {
  long count;
  if (in_loops) return shared->left;
  LOCK(shared->lock)
  count = shared->left;
  UNLOCK(shared->lock)
  return count;
}

static void tasks(long me) {
  while (left() > 0) {
    task *one = NULL;
    for (long i = 0; i < processes && !one; i++) one = take((me + i) % processes);
    if (!one) continue;
    one->run(one, me);
    G_FREE(one)
    LOCK(shared->lock)
    shared->left--;
    UNLOCK(shared->lock)
  }
}

void work(void) {
  long me;

  LOCK(shared->lock)
  me = shared->numbers++;
  UNLOCK(shared->lock)
  upward(me);
  BARRIER(shared->all, processes)
  tasks(me);
  BARRIER(shared->all, processes)
}

int main(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "p:d:w")) != -1) {
    if (option == 'p') processes = atol(optarg);
    if (option == 'd') boxes = (1l << atol(optarg)) - 1;
    if (option == 'w') in_loops = 1;
  }
  MAIN_INITENV(, 60000000,);
  shared = (struct shared *)G_MALLOC(sizeof *shared + boxes * sizeof(box));
  ALOCKINIT(shared->locks, LOCKS);
  LOCKINIT(shared->lock);
  BARINIT(shared->all, processes);
  shared->numbers = shared->sum = 0;
  for (long i = 0; i < processes; i++) {
    shared->pools[i].first = NULL;
    shared->pools[i].count = 0;
    LOCKINIT(shared->pools[i].lock);
  }
  for (long i = 0; i < boxes; i++) {
    shared->boxes[i].sum = shared->boxes[i].children = 0;
    shared->boxes[i].lock = i % LOCKS;
    CONDVARINIT(shared->boxes[i].ready);
  }
  task *first = (task *)G_MALLOC(sizeof(task));
  first->run = halve;
  first->from = 0;
  first->to = boxes;
  put(first, 0);
  shared->left = 1;
  CREATE(work, processes);
  WAIT_FOR_END(processes);
  printf("root %ld, sum %ld\n", shared->boxes[0].value, shared->sum);
  MAIN_END;
}
