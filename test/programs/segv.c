/* segv HOW: a program with a SIGSEGV handler of its own, installed before it attaches or after; it stores to a page of a segment,
 * and then where nothing is mapped.
 *   before, after: the handler counts and goes on behind the store; prints "stored V, caught N"
 *   none: no handler: the second store ends it
 *   errno: errno must be what it was after a fault
 *   once: it is to be called once (SA_RESETHAND), says so and returns
 *   calling, restoring: installed after attach, it says so and calls the one before it, or puts that back and returns */
#include <errno.h>
#include <gshm.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A program may have any amount of this, and the library's thread has a copy. */
static _Thread_local volatile char much[1 << 20];

static sigjmp_buf back;
static volatile sig_atomic_t caught;

static void on_segv(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  caught += info->si_addr == (void *)16;
  siglongjmp(back, 1);
}

static struct sigaction one_before;
static int restores;

static void say(void) {
  ssize_t ignored = write(1, "caught\n", 7);
  (void)ignored;
}

static void on_segv_once(int signal) {
  (void)signal;
  say();
}

static void on_segv_chained(int signal, siginfo_t *info, void *context) {
  say();
  if (restores || !(one_before.sa_flags & SA_SIGINFO)) sigaction(SIGSEGV, &one_before, NULL);
  else one_before.sa_sigaction(signal, info, context);
}

static void install_saying(const char *how) {
  struct sigaction once = {.sa_handler = on_segv_once, .sa_flags = (int)SA_RESETHAND};
  struct sigaction chained = {.sa_sigaction = on_segv_chained, .sa_flags = SA_SIGINFO};
  restores = !strcmp(how, "restoring");
  sigaction(SIGSEGV, !strcmp(how, "once") ? &once : &chained, &one_before);
}

static void install(void) {
  struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  much[sizeof much - 1] = 1;
  if (!strcmp(how, "before")) install();
  gshm *g = gshm_attach(NULL);
  if (g && !strcmp(how, "after")) install();
  int says = !strcmp(how, "once") || !strcmp(how, "calling") || !strcmp(how, "restoring");
  if (g && says) install_saying(how);
  gshm_segment *s = g ? gshm_create(g, "segv", 4096 * 4, GSHM_OPEN_OR_CREATE) : NULL;
  volatile long *at = s ? gshm_map(s, NULL, 0, 0) : NULL;
  if (!at) return fprintf(stderr, "%s\n", gshm_strerror(errno)), 1;
  errno = 77;
  *at = 5;
  int kept = errno;
  if (!strcmp(how, "errno")) return printf("errno %d\n", kept), 0;
  if (says || sigsetjmp(back, 1) == 0) {
    volatile long *volatile nowhere = (volatile long *)16;
    *nowhere = 1;
  }
  at[512] = 6;
  printf("stored %ld, caught %d\n", at[0] + at[512], (int)caught);
  return gshm_detach(g);
}
