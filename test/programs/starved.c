/* starved DAEMON: a thread that has no CPU while its daemon dies, between the answer to its fault and what it does about it.
 *
 * Prints "in order" when its process, which traps its own faults, has not said before that thread went on that its views are dark:
 * frames are freed then, and the page that it was granted would be zeros. "too early" when it has. */
#include <errno.h>
#include <gshm.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/trap.h"

#define PAGES 256

static volatile char *view;
static _Atomic int asked = -1, enough;
static sigjmp_buf over;

static void on_sigbus(int signal) {
  (void)signal;
  siglongjmp(over, 1);
}

static void on_one_cpu(int policy) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one);
  const struct sched_param none = {0};
  sched_setscheduler(0, policy, &none);
}

static void *hog(void *unused) {
  on_one_cpu(SCHED_OTHER);
  while (!enough) continue;
  return unused;
}

static void *fault(void *unused) {
  on_one_cpu(SCHED_IDLE);
  if (sigsetjmp(over, 1) != 0) return unused;
  for (int page = 0; page < PAGES && !enough; page++) {
    view[4096 * page] = 1;
    asked = page;
  }
  return unused;
}

static struct gshm_trap_page *trap_page(void) {
  char line[512];
  void *found = NULL;
  FILE *maps = fopen("/proc/self/maps", "re");
  while (maps && fgets(line, sizeof line, maps))
    if (strstr(line, "memfd:" GSHM_TRAP_NAME)) sscanf(line, "%p", &found);
  if (maps) fclose(maps);
  return found;
}

static uint32_t state(const struct gshm_trap_page *page) { return __atomic_load_n(&page->slots[0].state, __ATOMIC_SEQ_CST); }
static bool is_dark(const struct gshm_trap_page *page) { return __atomic_load_n(&page->dark, __ATOMIC_SEQ_CST); }

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  gshm *g = gshm_attach(NULL);
  gshm_segment *s = g ? gshm_create(g, "starved", 4096 * PAGES, 0) : NULL;
  view = s ? gshm_map(s, NULL, 0, 0) : NULL;
  struct gshm_trap_page *page = trap_page();
  if (!view || !page) return fprintf(stderr, "%s\n", gshm_strerror(errno)), 1;
  signal(SIGBUS, on_sigbus);
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, hog, NULL);
  pthread_create(&threads[1], NULL, fault, NULL);
  while (state(page) != GSHM_TRAP_GRANT && asked != PAGES - 1) continue;
  kill((pid_t)atoi(argv[1]), SIGKILL);
  while (state(page) == GSHM_TRAP_GRANT && !is_dark(page)) sched_yield();
  const bool early = is_dark(page) && (state(page) == GSHM_TRAP_GRANT || state(page) == GSHM_TRAP_AWAITED);
  enough = 1;
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  puts(early ? "too early" : "in order");
  return 0;
}
