/* sync_worker: synchronises across the cluster, and times it in the thread that waits.
 *
 *   sync_worker KIND NAME [ARGUMENTS]
 *
 * prints `ready`, then makes one pass for each line of standard input, COUNT, and prints a JSON object of `us`,
 * the latencies in microseconds, for each. It ends with its input. Kinds:
 *
 *   relock NAME                          lock and unlock, again and again: a sample is the mean of BATCH pairs
 *   handover NAME FILE holds|asks [SEGMENT [late]]  takes turns with another at the lock (alternate.h); FILE is
 *                                        the memory that they share, 4096 bytes. With a segment who has the lock
 *                                        writes its first page: when it gets it, or just before it gives it back
 *   barrier NAME PARTIES [asked]         goes through the barrier COUNT times, one after the other; asked: by way of
 *                                        its daemon each time */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "alternate.h"
#include "gshm.h"
#include "measure.h"

#define BATCH 100

static gshm *g;
static const char *name;
static volatile uint64_t *page;
static struct meeting *meeting;
static int holds;
static uint32_t parties;
static unsigned shape;

static int take(void) { return gshm_lock(g, name); }
static int give(void) { return gshm_unlock(g, name); }
static int write_page(void) {
  if (page != NULL) *page = *page + 1;
  return 0;
}
static struct lock_calls calls = {take, give, write_page, NULL};

static int relock(int count, double *us) {
  for (int i = 0; i < count; i++) {
    double before = now_us();
    for (int n = 0; n < BATCH; n++)
      if (take() != 0 || give() != 0) return -1;
    us[i] = (now_us() - before) / BATCH;
  }
  return 0;
}

static int hand_over(int count, double *us) {
  static uint32_t base;
  if (alternate(meeting, &calls, holds, base, count, us) != 0) return -1;
  base += 2 * (uint32_t)count;
  return 0;
}

static int barrier(int count, double *us) {
  for (int i = 0; i < count; i++) {
    double before = now_us();
    if (gshm_barrier_wait(g, gshm_named(name), parties, shape, GSHM_FOREVER) != 0) return -1;
    us[i] = now_us() - before;
  }
  return 0;
}

typedef int pass(int count, double *us);

static int fail(const char *what) {
  fprintf(stderr, "sync_worker: %s\n", what);
  return 1;
}

/* NULL: the arguments make no sense, or something went wrong that gshm_strerror tells. */
static pass *prepare(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "relock") == 0) return relock;
  if ((argc == 4 || argc == 5) && strcmp(argv[1], "barrier") == 0) {
    parties = (uint32_t)atoi(argv[3]);
    shape = argc == 5 ? GSHM_BARRIER_CENTRAL : 0;
    return barrier;
  }
  if (argc < 5 || strcmp(argv[1], "handover") != 0) return NULL;
  int fd = open(argv[3], O_RDWR);
  if (fd < 0) die(argv[3]);
  meeting = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (meeting == MAP_FAILED) die("mmap");
  if (argc == 7 && strcmp(argv[6], "late") == 0) {
    calls.held = NULL;
    calls.last = write_page;
  } else if (argc > 6) {
    return NULL;
  }
  if (argc >= 6) {
    gshm_segment *segment = gshm_open(g, argv[5], 0);
    page = segment == NULL ? NULL : gshm_map(segment, NULL, 0, 0);
    if (page == NULL) return NULL;
  }
  holds = strcmp(argv[4], "holds") == 0;
  if (holds && take() != 0) return NULL;
  return hand_over;
}

int main(int argc, char **argv) {
  if (argc < 3) return fail("usage: sync_worker relock|handover|barrier NAME [ARGUMENTS]");
  g = gshm_attach(NULL);
  name = argv[2];
  pass *go = g == NULL ? NULL : prepare(argc, argv);
  if (go == NULL) return fail(gshm_strerror(0));
  puts("ready");
  fflush(stdout);
  for (char line[32]; fgets(line, sizeof line, stdin) != NULL;) {
    int count = atoi(line);
    double *us = count < 1 ? NULL : calloc((size_t)count, sizeof *us);
    if (us == NULL) return fail("a pass is a COUNT");
    if (go(count, us) != 0) return fail(gshm_strerror(0));
    print_samples(us, count);
    free(us);
  }
  return gshm_detach(g) == 0 ? 0 : fail(gshm_strerror(0));
}
