/* facts_subject.c: what the threads of a subject do. See facts_subject.h. */
#include "facts_subject.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/uffd.h"

static struct lab *lab;
static int own_view;
static __thread sigjmp_buf back;

static void on_bad_access(int number) { siglongjmp(back, number); }
static void on_nothing(int number) { (void)number; }

static char *address_of(int page) { return LAB_BASE + (size_t)page * GSHM_PAGE_SIZE; }

static int result_of(ssize_t result) { return result < 0 ? errno : 0; }

static void work(int view, int thread) __attribute__((noreturn));

static int fork_child(void) {
  pid_t child = fork();
  if (child < 0) return errno;
  if (child > 0) return 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  work(LAB_VIEWS - 1, 0);
}

/* One instruction a time, so that a fault between a load and its store can lose nothing else. */
static void hammer(int view) {
  volatile uint64_t *word = (volatile uint64_t *)LAB_BASE + view * 8;
  while (!atomic_load(&lab->stop)) {
    *word = *word + 1;
    atomic_fetch_add(&lab->hammered[view], 1);
  }
}

static int act(int view, struct slot *slot) {
  char *at = address_of(slot->page);
  int signal = sigsetjmp(back, 1);
  if (signal != 0) return -signal;
  switch (slot->deed) {
    case LOAD: slot->value = *(volatile uint64_t *)at; return 0;
    case STORE: *(volatile uint64_t *)at = slot->value; return 0;
    case KERNEL_LOAD: return result_of(pwrite(slot->source, at, sizeof slot->value, 0));
    case KERNEL_STORE: return result_of(pread(slot->source, at, sizeof slot->value, 0));
    case DONTNEED: return result_of(madvise(at, GSHM_PAGE_SIZE, MADV_DONTNEED));
    case REMOVE: return result_of(madvise(at, GSHM_PAGE_SIZE, MADV_REMOVE));
    case UNMAP: return result_of(munmap(at, GSHM_PAGE_SIZE));
    case FORK: return fork_child();
    case HAMMER: hammer(view); return 0;
    case DISOWN: return result_of(close(lab->uffd[view]));
  }
  return EINVAL;
}

static void work(int view, int thread) {
  struct slot *slot = &lab->slots[view][thread];
  atomic_store(&slot->thread, (int)syscall(SYS_gettid));
  for (;;) {
    uint64_t orders;
    if (read(slot->go, &orders, sizeof orders) != sizeof orders) continue;
    slot->error = act(view, slot);
    atomic_store(&slot->ended, 1);
  }
}

static void *start(void *thread) { work(own_view, (int)(intptr_t)thread); }

void subject_main(struct lab *shared, int view) {
  lab = shared;
  own_view = view;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sigaction bad = {.sa_handler = on_bad_access}, nothing = {.sa_handler = on_nothing, .sa_flags = SA_RESTART};
  sigaction(SIGBUS, &bad, NULL);
  sigaction(SIGSEGV, &bad, NULL);
  sigaction(SIGUSR1, &nothing, NULL);
  lab->uffd[view] = gshm_uffd_open();
  if (mmap(LAB_BASE, LAB_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, lab->frames, 0) != LAB_BASE)
    abort();
  pthread_t made;
  for (intptr_t i = 1; i < LAB_THREADS; i++)
    if (pthread_create(&made, NULL, start, (void *)i) != 0) abort();
  work(view, 0);
}
