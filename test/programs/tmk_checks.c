/* tmk_checks: one thing about Tmk.h that is right or wrong, by name; `tmk_checks WHAT [-- -n COUNT]`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "Tmk.h"

#define WORDS 100000

/* Which every process has, wherever it is loaded. */
static struct shared {
  unsigned count, turn, sums[TMK_NPROCS], words[WORDS];
} *shared;
static struct {
  int first, words[50000], last;
} large;
static volatile int flag;

static void share(void) {
  if (Tmk_proc_id == 0) {
    shared = Tmk_malloc(sizeof *shared);
    memset(shared, 0, sizeof *shared);
    Tmk_distribute(&shared, sizeof shared);
  }
  Tmk_barrier(0);
}

/* Every process writes every n-th word: none has a page alone. */
static int sum(void) {
  share();
  for (unsigned i = Tmk_proc_id; i < WORDS; i += Tmk_nprocs) shared->words[i] = i;
  Tmk_barrier(1);
  unsigned mine = 0;
  for (unsigned i = Tmk_proc_id * WORDS / Tmk_nprocs; i < (Tmk_proc_id + 1) * WORDS / Tmk_nprocs; i++)
    mine += shared->words[i];
  for (int i = 0; i < 100; i++) {
    Tmk_lock_acquire(0);
    shared->count++;
    Tmk_lock_release(0);
  }
  Tmk_lock_acquire(TMK_NLOCKS - 1);
  shared->sums[0] += mine;
  Tmk_lock_release(TMK_NLOCKS - 1);
  Tmk_barrier(TMK_NBARRIERS - 1);
  printf("%u of %u: count %u, sum %u\n", Tmk_proc_id, Tmk_nprocs, shared->count, shared->sums[0]);
  Tmk_barrier(0);
  if (Tmk_proc_id == 0) Tmk_free(shared);
  return 0;
}

/* Processes take turns by a condition variable of a lock. */
static int turns(void) {
  share();
  for (int round = 0; round < 20; round++) {
    Tmk_lock_acquire(5);
    while (shared->turn % Tmk_nprocs != Tmk_proc_id) Tmk_lock_cond_wait(5, 3);
    shared->turn++;
    Tmk_lock_cond_broadcast(5, 3);
    Tmk_lock_release(5);
  }
  Tmk_barrier(1);
  if (Tmk_proc_id == 0) printf("turn %u\n", shared->turn);
  return 0;
}

/* A variable changes in processes that synchronise in no way meanwhile, whole, and each time. */
static int distribute(void) {
  if (Tmk_proc_id == 0) {
    for (unsigned i = 0; i < 50000; i++) large.words[i] = (int)i;
    large.first = large.last = 7;
    Tmk_distribute(&large, sizeof large);
    for (int i = 1; i <= 50; i++) {
      flag = i;
      Tmk_distribute((const void *)&flag, sizeof flag);
    }
  } else {
    while (flag != 50) continue;
  }
  Tmk_barrier(0);
  unsigned right = large.first == 7 && large.last == 7;
  for (unsigned i = 0; i < 50000; i++) right += large.words[i] == (int)i;
  printf("%u of %u: %u\n", Tmk_proc_id, Tmk_nprocs, right);
  return 0;
}

/* Processes that have ended are not waited for. */
static int after_ends(void) {
  if (Tmk_proc_id != 0) Tmk_exit(0);
  for (int i = 1; i <= 20; i++) {
    flag = i;
    Tmk_distribute((const void *)&flag, sizeof flag);
  }
  printf("%d\n", flag);
  return 0;
}

static int full(void) {
  unsigned blocks = 0;
  while (Tmk_malloc(Tmk_page_size)) blocks++;
  printf("%u of %u, %d\n", blocks, Tmk_npages, Tmk_sbrk(1 << 30) == NULL);
  return 0;
}

static void wrong(const char *what) {
  int local = 0;
  if (!strcmp(what, "lock")) Tmk_lock_acquire(TMK_NLOCKS);
  if (!strcmp(what, "barrier")) Tmk_barrier(TMK_NBARRIERS);
  if (!strcmp(what, "condition")) Tmk_lock_acquire(1), Tmk_lock_cond_wait(1, TMK_NCONDS);
  if (!strcmp(what, "condition-unheld")) Tmk_lock_cond_wait(1, 0);
  if (!strcmp(what, "acquire-twice")) Tmk_lock_acquire(1), Tmk_lock_acquire(1);
  if (!strcmp(what, "release-unheld")) Tmk_lock_release(1);
  if (!strcmp(what, "free-private")) Tmk_free(&local);
  if (!strcmp(what, "free-inside")) Tmk_free((char *)Tmk_malloc(100) + 16);
  if (!strcmp(what, "free-twice")) {
    void *block = Tmk_malloc(100);
    Tmk_free(block);
    Tmk_free(block);
  }
  if (!strcmp(what, "malloc-0")) Tmk_malloc(0);
  if (!strcmp(what, "distribute-local")) Tmk_distribute(&local, sizeof local);
  if (!strcmp(what, "distribute-beyond")) Tmk_distribute(&large, 1 << 30);
  if (!strcmp(what, "distribute-less")) Tmk_distribute(&large, -1);
  if (!strcmp(what, "startup-twice")) Tmk_startup(0, NULL);
  if (!strcmp(what, "errexit")) Tmk_errexit("%d of %s\n", 1, "two");
  if (!strcmp(what, "exit")) Tmk_exit(9);
  if (!strcmp(what, "die-at-barrier")) {
    if (Tmk_proc_id == 1) _exit(0);
    Tmk_barrier(0);
    Tmk_barrier(0);
  }
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : ""; /* getopt may move it */
  while (getopt(argc, argv, "") != -1) continue;
  if (!strcmp(what, "first")) Tmk_barrier(0);
  Tmk_startup(argc, argv);
  if (!strcmp(what, "sum")) return sum();
  if (!strcmp(what, "turns")) return turns();
  if (!strcmp(what, "distribute")) return distribute();
  if (!strcmp(what, "after-ends")) return after_ends();
  if (!strcmp(what, "full")) return full();
  if (!strcmp(what, "run")) return printf("%u of %u\n", Tmk_proc_id, Tmk_nprocs), 0;
  wrong(what);
  return 3;
}
