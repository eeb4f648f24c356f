/* trap_handler.c: a thread that faults in a view waits here until the daemon has answered, and carries the answer out.
 *
 * Nothing but system calls and atomic operations on memory that is there already: no malloc, no lock, no thread-local storage
 * but errno, which is kept. All signals are blocked meanwhile, but for those that a fault of its own would raise. Other
 * faults go on to whoever had the signal before: V8 has it for WebAssembly. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "abi/page.h"
#include "client/error.h"
#include "client/trap.h"
#include "client/trap_state.h"
#include "core/futex.h"

/* Who had SIGSEGV: at each level another, for the program may install a handler of its own later, which keeps ours as the one
 * before it, and calls it, or puts it back. So each level is a function of its own, so that it does not go round in circles. */
#define LEVELS 8
static struct sigaction before[LEVELS]; /* changes in gshm_trap_install, and where one is to be called once only */
static unsigned levels;                /* that have been used */
static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;

static bool is_write(const ucontext_t *context) {
#if defined(__x86_64__)
  return context->uc_mcontext.gregs[REG_ERR] & 2; /* of the page fault's error code */
#else
  (void)context;
  return true; /* the processor's word for it is not known here: ownership is more than a read needs, and right */
#endif
}

static struct gshm_trap_slot *take_slot(struct gshm_trap_page *page, unsigned *number) {
  for (;;) {
    uint32_t freed = __atomic_load_n(&page->freed, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < GSHM_TRAP_SLOTS; i++) {
      uint32_t free = GSHM_TRAP_FREE;
      if (!__atomic_compare_exchange_n(&page->slots[i].state, &free, GSHM_TRAP_TAKEN, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED))
        continue;
      *number = i;
      return &page->slots[i];
    }
    __atomic_fetch_add(&page->crowd, 1, __ATOMIC_SEQ_CST);
    gshm_futex_wait(&page->freed, freed, NULL);
    __atomic_fetch_sub(&page->crowd, 1, __ATOMIC_SEQ_CST);
  }
}

static void give_slot(struct gshm_trap_page *page, struct gshm_trap_slot *slot) {
  uint32_t was = __atomic_exchange_n(&slot->state, GSHM_TRAP_FREE, __ATOMIC_SEQ_CST);
  if (was == GSHM_TRAP_AWAITED) gshm_futex_wake_all(&slot->state);
  __atomic_fetch_add(&page->freed, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&page->crowd, __ATOMIC_SEQ_CST) > 0) gshm_futex_wake_all(&page->freed);
}

/* Of the signals that wait until the fault is over, those that would end the process do: Ctrl-C while the node that has the page
 * does not answer. */
static void let_end(const ucontext_t *context) {
  static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM};
  sigset_t pending, one;
  if (sigpending(&pending) != 0) return;
  for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
    struct sigaction action;
    if (sigismember(&pending, ends[i]) != 1 || sigismember(&context->uc_sigmask, ends[i]) == 1) continue;
    if (sigaction(ends[i], NULL, &action) != 0 || (action.sa_flags & SA_SIGINFO) || action.sa_handler != SIG_DFL) continue;
    sigemptyset(&one);
    sigaddset(&one, ends[i]);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
  }
}

static uint32_t wait_for_answer(struct gshm_trap_page *page, struct gshm_trap_slot *slot, unsigned number,
                                const ucontext_t *context) {
  static const struct timespec slice = {.tv_nsec = 50000000};
  __atomic_store_n(&slot->state, GSHM_TRAP_POSTED, __ATOMIC_SEQ_CST);
  __atomic_fetch_or(&page->posted[number / 64], 1ull << (number % 64), __ATOMIC_SEQ_CST);
  uint64_t once = 1;
  /* A process that has closed descriptors which are not its own cannot be served any more. */
  bool unheard = write(gshm_trap_state.bell, &once, sizeof once) < 0 && errno != EAGAIN;
  for (;;) {
    uint32_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
    if (state != GSHM_TRAP_POSTED) return state;
    if (unheard || __atomic_load_n(&page->dead, __ATOMIC_SEQ_CST)) return GSHM_TRAP_BUS;
    if (gshm_futex_wait(&slot->state, GSHM_TRAP_POSTED, &slice) != 0 && errno == ETIMEDOUT) let_end(context);
  }
}

/* SIGBUS as the kernel would raise it: it is delivered when the handler returns, before the access is tried again. Who ignores
 * or blocks it dies of it. */
static void raise_sigbus(void *address, ucontext_t *context) {
  struct sigaction action;
  bool deaf = sigismember(&context->uc_sigmask, SIGBUS) == 1;
  if (sigaction(SIGBUS, NULL, &action) == 0 && (deaf || (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN))) {
    action = (struct sigaction){.sa_handler = SIG_DFL};
    sigaction(SIGBUS, &action, NULL);
  }
  sigdelset(&context->uc_sigmask, SIGBUS);
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGBUS;
  info.si_code = BUS_ADRERR;
  info.si_addr = address;
  syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), SIGBUS, &info);
}

/* What the daemon has granted. Where the kernel refuses one more mapping, the view is given up (gshm_trap_range_restrict). */
static bool open_pages(const struct gshm_trap_range *grant, uintptr_t address, uintptr_t start, uintptr_t end) {
  const int prot = grant->access == GSHM_TRAP_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
  /* Of another fault, which had this slot before and has been withdrawn: this one is tried again. */
  if (address - grant->from >= grant->length || grant->from < start || grant->length > end - grant->from) return true;
  if (mprotect((void *)grant->from, grant->length, prot) == 0) return true;
  if (errno != ENOMEM || mprotect((void *)start, end - start, PROT_NONE) != 0) return false;
  /* Where even a page of an empty view cannot be told apart, it is not this view that has the mappings. */
  return mprotect((void *)grant->from, grant->length, prot) == 0;
}

static void fault(struct gshm_trap_page *page, void *address, uintptr_t start, uintptr_t end, ucontext_t *context) {
  unsigned number = 0;
  struct gshm_trap_slot *slot = take_slot(page, &number);
  slot->address = (uintptr_t)address;
  slot->thread = (uint32_t)syscall(SYS_gettid);
  slot->write = is_write(context);
  uint32_t answer = wait_for_answer(page, slot, number, context);
  bool refused = false;
  if (answer == GSHM_TRAP_GRANT || answer == GSHM_TRAP_AWAITED) {
    struct gshm_trap_range grant = slot->grant;
    refused = !open_pages(&grant, (uintptr_t)address, start, end);
  }
  give_slot(page, slot);
  if (answer == GSHM_TRAP_BUS || refused) raise_sigbus(address, context);
}

/* As if this handler had never been there. */
static void pass_on(struct sigaction *to, int signal, siginfo_t *info, void *context) {
  const struct sigaction next = *to;
  if (!(next.sa_flags & SA_SIGINFO) && (next.sa_handler == SIG_DFL || next.sa_handler == SIG_IGN)) {
    /* Not to be ignored where a fault has raised it. A fault comes again, and ends the process; so does what was sent. */
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    if (info->si_code <= 0 && next.sa_handler == SIG_IGN) return;
    sigaction(signal, &fallback, NULL);
    if (info->si_code <= 0) syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signal);
    return;
  }
  if (next.sa_flags & SA_RESETHAND) { /* the kernel would not call it twice: one that only says so and returns would do so for ever */
    to->sa_flags = 0;
    to->sa_handler = SIG_DFL;
  }
  sigset_t mask = ((ucontext_t *)context)->uc_sigmask;
  for (int i = 1; i < NSIG; i++)
    if (sigismember(&next.sa_mask, i) == 1) sigaddset(&mask, i);
  if (!(next.sa_flags & SA_NODEFER)) sigaddset(&mask, signal);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  if (next.sa_flags & SA_SIGINFO) next.sa_sigaction(signal, info, context);
  else next.sa_handler(signal);
}

/* A view may have given way since, to memory that may be accessed: the access is tried again, once, and while such a change is
 * under way as often as it takes. */
static bool worth_another_try(uintptr_t address) {
  static _Atomic uint64_t tried[64];
  if (gshm_trap_state.swaps > 0) {
    sched_yield();
    return true;
  }
  uint32_t thread = (uint32_t)syscall(SYS_gettid);
  uint64_t attempt = (uint64_t)thread << 47 ^ address;
  return atomic_exchange(&tried[thread % 64], attempt) != attempt;
}

static void on_segv(unsigned level, int signal, siginfo_t *info, void *context) {
  int error = errno;
  struct gshm_trap_page *page = gshm_trap_enter();
  /* SEGV_ACCERR: mapped, and not allowed. What is not mapped at all is no view. */
  uintptr_t start, end;
  bool denied = page && info->si_code == SEGV_ACCERR;
  bool ours = denied && gshm_trap_range_find((uintptr_t)info->si_addr, &start, &end);
  if (ours) fault(page, info->si_addr, start, end, context);
  gshm_trap_leave();
  if (!ours && !(denied && worth_another_try((uintptr_t)info->si_addr))) pass_on(&before[level], signal, info, context);
  errno = error;
}

#define AT(level) \
  static void at_##level(int signal, siginfo_t *info, void *context) { on_segv(level, signal, info, context); }
AT(0) AT(1) AT(2) AT(3) AT(4) AT(5) AT(6) AT(7)
static void (*const handlers[LEVELS])(int, siginfo_t *, void *) = {at_0, at_1, at_2, at_3, at_4, at_5, at_6, at_7};

static bool is_ours(const struct sigaction *action) {
  for (unsigned i = 0; i < LEVELS; i++)
    if ((action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handlers[i]) return true;
  return false;
}

/* A new one: what `now` keeps as the one before it may be any that there has been. Where none is left, the last. */
static unsigned level_for(const struct sigaction *now) {
  const bool calls = (now->sa_flags & SA_SIGINFO) || (now->sa_handler != SIG_DFL && now->sa_handler != SIG_IGN);
  for (unsigned i = 0; i < levels && !calls; i++)
    if (before[i].sa_handler == now->sa_handler && !(before[i].sa_flags & SA_SIGINFO)) return i;
  return levels < LEVELS ? levels++ : LEVELS - 1;
}

static int install_held(void) {
  struct sigaction now;
  if (sigaction(SIGSEGV, NULL, &now) != 0) return gshm_fail_system("sigaction", errno);
  if (is_ours(&now)) return 0;
  unsigned level = level_for(&now);
  before[level] = now;
  struct sigaction action = {.sa_sigaction = handlers[level], .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  sigdelset(&action.sa_mask, SIGSEGV); /* blocked all the same; a second fault would be one of this handler's own */
  if (sigaction(SIGSEGV, &action, NULL) != 0) return gshm_fail_system("sigaction", errno);
  return 0;
}

int gshm_trap_install(void) {
  pthread_mutex_lock(&installing);
  int result = install_held();
  pthread_mutex_unlock(&installing);
  return result;
}
