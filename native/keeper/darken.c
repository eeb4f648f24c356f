/* darken.c: see darken.h. All are told first, and then waited for together. */
#define _GNU_SOURCE
#include "darken.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/trap.h"
#include "core/clock.h"
#include "core/futex.h"

#define KILL_MS 500 /* so long it is waited for */
#define PATIENCE_NS 1000000000u
#define SLICE_NS 10000000 /* between looks whether it has ended */

static void tell(struct gshm_trap_page *page) {
  __atomic_store_n(&page->dead, 1, __ATOMIC_SEQ_CST);
  for (unsigned i = 0; i < GSHM_TRAP_SLOTS; i++) {
    uint32_t *state = &page->slots[i].state;
    uint32_t posted = GSHM_TRAP_POSTED;
    if (__atomic_compare_exchange_n(state, &posted, GSHM_TRAP_BUS, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
      gshm_futex_wake_all(state);
  }
  __atomic_fetch_add(&page->order.given, 1, __ATOMIC_SEQ_CST);
  gshm_futex_wake_all(&page->order.given);
}

static bool has_ended(int pidfd) {
  struct pollfd end = {.fd = pidfd, .events = POLLIN};
  return pidfd >= 0 && poll(&end, 1, 0) > 0;
}

static bool is_dark(const struct gshm_trap_page *page, int pidfd, uint64_t until_ns) {
  const struct timespec slice = {.tv_nsec = SLICE_NS};
  while (!__atomic_load_n(&page->dark, __ATOMIC_SEQ_CST) && !has_ended(pidfd)) {
    if (gshm_now_ns() >= until_ns) return false;
    gshm_futex_wait(&page->dark, 0, &slice);
  }
  return true;
}

void darken_all(struct holdings *held) {
  for (size_t i = 0; i < held->trapped_count; i++) {
    struct trapped *process = &held->trapped[i];
    void *page = mmap(NULL, sizeof *process->page, PROT_READ | PROT_WRITE, MAP_SHARED, process->memory, 0);
    process->page = page == MAP_FAILED ? NULL : page;
    if (process->page) tell(process->page);
  }
  uint64_t until_ns = gshm_now_ns() + PATIENCE_NS;
  for (size_t i = 0; i < held->trapped_count; i++) {
    const struct trapped *process = &held->trapped[i];
    if (process->page && is_dark(process->page, process->pidfd, until_ns)) continue;
    fprintf(stderr, "gshm-keeper: gshmd is dead, and a process has not let go of global memory: it is killed\n");
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    if (syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0) == 0) poll(&end, 1, KILL_MS);
  }
}
