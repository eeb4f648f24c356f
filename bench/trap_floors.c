/* trap_floors.c: see trap_floors.h. */
#define _GNU_SOURCE
#include "trap_floors.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/futex.h"
#include "measure.h"

#define PAGE 4096u

/* What the two processes share. */
struct ask {
  uint32_t answered; /* a futex */
  uint32_t fill;
  uint64_t offset;
};

static struct ask *ask;
static int bell;
static char *base;

static void on_segv(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  uint64_t once = 1;
  char *page = (char *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));
  ask->offset = (uint64_t)(page - base);
  __atomic_store_n(&ask->answered, 0, __ATOMIC_RELEASE);
  if (write(bell, &once, sizeof once) != sizeof once) _exit(1);
  while (!__atomic_load_n(&ask->answered, __ATOMIC_ACQUIRE)) gshm_futex_wait(&ask->answered, 0, NULL);
  if (mprotect(page, PAGE, PROT_READ | PROT_WRITE) != 0) _exit(1);
}

static void serve(char *alias) {
  static char zeros[PAGE];
  for (uint64_t rung; read(bell, &rung, sizeof rung) == sizeof rung;) {
    if (ask->fill) memcpy(alias + ask->offset, zeros, PAGE);
    __atomic_store_n(&ask->answered, 1, __ATOMIC_RELEASE);
    gshm_futex_wake_all(&ask->answered);
  }
  _exit(1);
}

void trap_faults(int count, double *samples, double *missing, double *minor, double *wp) {
  size_t bytes = (size_t)count * PAGE;
  int memfd = memfd_create("gshm-bench-floors", MFD_CLOEXEC);
  if (memfd < 0 || ftruncate(memfd, (off_t)bytes) < 0) die("memfd");
  base = mmap(NULL, bytes, PROT_NONE, MAP_SHARED, memfd, 0);
  char *alias = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  ask = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  bell = eventfd(0, EFD_CLOEXEC);
  if (base == MAP_FAILED || alias == MAP_FAILED || ask == MAP_FAILED || bell < 0) die("mmap");
  ask->fill = 1;
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve(alias);
  }
  struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO}, before;
  if (sigaction(SIGSEGV, &action, &before) != 0) die("sigaction");
  *missing = store_to_pages(base, count, samples);
  ask->fill = 0;
  if (mprotect(base, bytes, PROT_NONE) != 0 || madvise(base, bytes, MADV_DONTNEED) != 0) die("mprotect");
  *minor = store_to_pages(base, count, samples);
  if (mprotect(base, bytes, PROT_READ) != 0) die("mprotect");
  *wp = store_to_pages(base, count, samples);
  sigaction(SIGSEGV, &before, NULL);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(bell);
}
