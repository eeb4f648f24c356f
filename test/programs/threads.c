/* threads: threads of one process do everything that libgshm offers at once, forking included, for a
 * number of rounds. Prints what the locks guarded; any failure ends it with a status and a text. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gshm.h"

#define SIZE (1u << 20)
#define COUNTER (SIZE / 4 - 1) /* words at the end, which no block of the heap reaches */
#define PLACE (SIZE - 4096)

static gshm *g;
static gshm_segment *s;
static volatile unsigned *shared;
static int rounds;

static void fail(const char *what) {
  fprintf(stderr, "%d: %s: %s\n", (int)getpid(), what, gshm_strerror(errno));
  _exit(1);
}

static void map_and_unmap(void) {
  volatile char *view = gshm_map(s, NULL, 0, 0);
  if (!view) fail("map");
  view[PLACE]++;
  if (gshm_unmap(g, (void *)view) != 0) fail("unmap");
}

static void add_under_lock(void) {
  if (gshm_lock(g, "counter") != 0) fail("lock");
  shared[COUNTER]++;
  if (gshm_unlock(g, "counter") != 0) fail("unlock");
}

static void open_and_close(void) {
  gshm_segment *again = gshm_open(g, "threads", 0);
  if (!again || gshm_close(again) != 0) fail("open, close");
}

static void allocate(void) {
  gshm_addr block = gshm_alloc(s, 100);
  if (!block) fail("alloc");
  memset(gshm_pointer(g, block), 1, 100);
  block = gshm_realloc(s, block, 9000);
  if (!block) fail("realloc");
  if (gshm_free(s, block) != 0) fail("free");
}

static void fork_one(void) {
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    add_under_lock();
    map_and_unmap();
    _exit(0);
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) fail("the child");
}

static void *repeat(void *what) {
  for (int i = 0; i < rounds; i++) ((void (*)(void))what)();
  return NULL;
}

int main(int argc, char **argv) {
  void (*const jobs[])(void) = {map_and_unmap, map_and_unmap,  add_under_lock, add_under_lock,
                                allocate,      open_and_close, fork_one,       fork_one};
  enum { JOBS = sizeof jobs / sizeof *jobs };
  pthread_t threads[JOBS];
  rounds = argc > 1 ? atoi(argv[1]) : 100;
  if (!(g = gshm_attach(NULL))) fail("attach");
  if (!(s = gshm_create(g, "threads", SIZE, 0))) fail("create");
  if (!(shared = gshm_map(s, NULL, 0, 0))) fail("map");
  for (int i = 0; i < JOBS; i++)
    if (pthread_create(&threads[i], NULL, repeat, (void *)jobs[i]) != 0) fail("pthread_create");
  for (int i = 0; i < JOBS; i++) pthread_join(threads[i], NULL);
  printf("%u\n", shared[COUNTER]);
  return gshm_detach(g) == 0 ? 0 : 1;
}
