/* trap_service.c: the thread that takes access away, as the daemon orders it.
 *
 * It has all signals blocked and touches no view, so nothing in the program can stop it but the end of the program, or a
 * stop (SIGSTOP, a debugger): a process that does not answer for a second is killed by the daemon, because other nodes
 * wait for its pages. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "client/error.h"
#include "client/trap.h"
#include "client/trap_state.h"
#include "core/futex.h"

/* Its stack also holds a copy of the program's thread-local variables, however large those are. */
#define STACK_MIN_BYTES (64u << 10)
#define STACK_MAX_BYTES (64u << 20)

struct gshm_trap_shared gshm_trap_state = {.bell = -1};

static pthread_t service;
static _Atomic bool ending;

int gshm_trap_choose(enum gshm_trap_choice *choice) {
  const char *says = getenv("GSHM_TRAP");
  if (!says || !*says) *choice = GSHM_TRAP_EITHER;
  else if (strcmp(says, "userfaultfd") == 0) *choice = GSHM_TRAP_USERFAULTFD;
  else if (strcmp(says, "mprotect") == 0) *choice = GSHM_TRAP_MPROTECT;
  else return gshm_fail(GSHM_E_INVALID, "GSHM_TRAP is '%s': it must be 'userfaultfd', 'mprotect', or not set", says);
  return 0;
}

bool gshm_trap_is_on(void) { return gshm_trap_state.page != NULL; }

struct gshm_trap_page *gshm_trap_enter(void) {
  gshm_trap_state.inside++;
  return gshm_trap_state.page;
}

void gshm_trap_leave(void) { gshm_trap_state.inside--; }

/* What the daemon has granted before it died: a thread that carried it out after the views have gone dark would find frames
 * that have been freed. */
static void await_grants(struct gshm_trap_page *page) {
  for (unsigned i = 0; i < GSHM_TRAP_SLOTS; i++) {
    uint32_t *word = &page->slots[i].state;
    for (;;) {
      uint32_t state = GSHM_TRAP_GRANT;
      __atomic_compare_exchange_n(word, &state, GSHM_TRAP_AWAITED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
      if (state != GSHM_TRAP_GRANT && state != GSHM_TRAP_AWAITED) break;
      gshm_futex_wait(word, GSHM_TRAP_AWAITED, NULL);
    }
  }
}

static void go_dark(struct gshm_trap_page *page) {
  await_grants(page);
  if (gshm_trap_range_darken() != 0) return; /* the keeper ends this process then */
  __atomic_store_n(&page->dark, 1, __ATOMIC_SEQ_CST);
  gshm_futex_wake_all(&page->dark);
}

static void *serve(void *argument) {
  struct gshm_trap_page *page = argument;
  struct gshm_trap_order *order = &page->order;
  pthread_setname_np(pthread_self(), "gshm-trap");
  uint32_t last = 0;
  for (;;) {
    uint32_t given = __atomic_load_n(&order->given, __ATOMIC_SEQ_CST);
    if (ending) return NULL;
    if (__atomic_load_n(&page->dead, __ATOMIC_SEQ_CST)) {
      if (!__atomic_load_n(&page->dark, __ATOMIC_RELAXED)) go_dark(page);
    } else if (given != last) {
      struct gshm_trap_range range = order->range;
      int result = gshm_trap_range_restrict(&range);
      __atomic_store_n(&order->result, result, __ATOMIC_RELAXED);
      __atomic_store_n(&order->done, given, __ATOMIC_RELEASE);
      gshm_futex_wake_all(&order->done);
      last = given;
      continue;
    }
    gshm_futex_wait(&order->given, given, NULL);
  }
}

static int start_service(struct gshm_trap_page *page) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  ending = false;
  int error = EINVAL;
  for (size_t bytes = STACK_MIN_BYTES; error == EINVAL && bytes <= STACK_MAX_BYTES; bytes *= 2) {
    pthread_attr_setstacksize(&attributes, bytes);
    error = pthread_create(&service, &attributes, serve, page);
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attributes);
  return error == 0 ? 0 : gshm_fail_system("pthread_create", error);
}

int gshm_trap_begin(int memory, int bell) {
  struct gshm_trap_page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  int error = errno;
  close(memory);
  gshm_trap_state.bell = bell;
  if (page == MAP_FAILED) {
    gshm_fail_system("mmap", error);
  } else {
    madvise(page, sizeof *page, MADV_DONTFORK);
    if (gshm_trap_install() == 0 && start_service(page) == 0) {
      gshm_trap_state.page = page;
      return 0;
    }
    munmap(page, sizeof *page);
  }
  error = errno;
  close(bell);
  gshm_trap_state.bell = -1;
  errno = error;
  return -1;
}

/* Who waits tries again. */
static void release_all(struct gshm_trap_page *page) {
  for (unsigned i = 0; i < GSHM_TRAP_SLOTS; i++) {
    uint32_t *state = &page->slots[i].state;
    uint32_t posted = GSHM_TRAP_POSTED;
    if (__atomic_compare_exchange_n(state, &posted, GSHM_TRAP_RETRY, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
      gshm_futex_wake_all(state);
  }
}

void gshm_trap_swap_begin(void) { gshm_trap_state.swaps++; }
void gshm_trap_swap_end(void) { gshm_trap_state.swaps--; }

void gshm_trap_swap_settle(void) {
  struct gshm_trap_page *page = gshm_trap_state.page;
  struct timespec now, end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec++;
  do {
    if (!page || gshm_trap_state.inside == 0) return;
    release_all(page);
    sched_yield();
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

void gshm_trap_fork_child(void) {
  gshm_trap_range_fork_child();
  if (!gshm_trap_state.page) return;
  gshm_trap_state.page = NULL; /* not inherited, nor is the thread */
  gshm_trap_state.inside = gshm_trap_state.swaps = 0;
  close(gshm_trap_state.bell);
  gshm_trap_state.bell = -1;
}

void gshm_trap_end(void) {
  struct gshm_trap_page *page = gshm_trap_state.page;
  if (!page) return;
  gshm_trap_state.page = NULL;
  ending = true;
  __atomic_fetch_add(&page->order.given, 1, __ATOMIC_SEQ_CST);
  gshm_futex_wake_all(&page->order.given);
  pthread_join(service, NULL);
  while (gshm_trap_state.inside > 0) {
    release_all(page);
    sched_yield();
  }
  __atomic_store_n(&page->dark, 1, __ATOMIC_SEQ_CST); /* should the daemon die now: there is no view that the keeper must wait for */
  gshm_futex_wake_all(&page->dark);
  munmap(page, sizeof *page);
  close(gshm_trap_state.bell);
  gshm_trap_state.bell = -1;
}
