/* forks: a registered process that forks in every way there is.
 *
 *   forks SEGMENT      GSHM_SOCKET names the node; the segment exists
 *
 * Answers every line on standard input with one line: what the command came to. Words of the segment
 * are named by their page; increments are atomic, so sums over all processes are exact. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gshm.h"

#define PAGE 4096
#define PAGES 3 /* that take part in a stress: few, so that nodes take them from each other */
#define CHILDREN_MAX 64

extern char **environ;
static gshm *g;
static gshm_segment *segment;
static char *memory;

static void die(const char *what) {
  printf("failed: %s: %s\n", what, gshm_strerror(errno));
  fflush(stdout);
  _exit(1);
}

static uint64_t *word(unsigned page) { return (uint64_t *)(memory + (size_t)page * PAGE); }

/* Adds 1 in `count` places that follow from `seed`. Reads now and then: who has read a page takes the
 * right to write it without its bytes, and loses what a process wrote that was not stopped. */
static void add(unsigned seed, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    seed = seed * 1103515245u + 12345u;
    for (unsigned page = 0; page < PAGES && i % 16 == 0; page++) (void)__atomic_load_n(word(page), __ATOMIC_SEQ_CST);
    __atomic_fetch_add(word((seed >> 16) % PAGES), 1, __ATOMIC_SEQ_CST);
  }
}

static void wait_for(pid_t child, const char *what) {
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) {
    printf("failed: %s: status 0x%x\n", what, status);
    fflush(stdout);
    _exit(1);
  }
}

static unsigned thread_adds;
static void *adder(void *seed) {
  add((unsigned)(uintptr_t)seed, thread_adds);
  return NULL;
}

/* stress THREADS ADDS ROUNDS CHILD_ADDS: forks while threads fault. */
static void stress(unsigned threads, unsigned adds, unsigned rounds, unsigned child_adds) {
  pthread_t thread[16];
  thread_adds = adds;
  for (unsigned i = 0; i < threads; i++)
    if (pthread_create(&thread[i], NULL, adder, (void *)(uintptr_t)(i + 1)) != 0) die("pthread_create");
  pid_t last = 0;
  for (unsigned round = 0; round < rounds; round++) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
      add(round + 100, child_adds);
      _exit(0);
    }
    if (last) wait_for(last, "a child"); /* two at a time */
    last = child;
  }
  if (last) wait_for(last, "a child");
  for (unsigned i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  printf("added %u\n", threads * adds + rounds * child_adds);
}

/* bomb COUNT: that many children at once; each writes a word of its own and adds to a common one. */
static void bomb(unsigned count) {
  pid_t child[CHILDREN_MAX];
  for (unsigned i = 0; i < count; i++) {
    child[i] = fork();
    if (child[i] < 0) die("fork");
    if (child[i] == 0) {
      word(0)[1 + i] = 1000 + i;
      __atomic_fetch_add(word(0), 1, __ATOMIC_SEQ_CST);
      _exit(0);
    }
  }
  unsigned wrong = 0;
  for (unsigned i = 0; i < count; i++) {
    wait_for(child[i], "a child");
    wrong += word(0)[1 + i] != 1000 + i;
  }
  printf("wrong %u\n", wrong);
}

/* killed COUNT: each child is killed at once, wherever it is in its fork(). */
static void killed(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0)
      for (;;) add(i, 1);
    if (i % 2) __atomic_fetch_add(word(1), 1, __ATOMIC_SEQ_CST); /* some time for it */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  printf("done\n");
}

/* spawned: every other way to start a program. */
static void spawned(void) {
  char *arguments[] = {"true", NULL};
  pid_t child;
  int error = posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ);
  if (error) die("posix_spawn");
  wait_for(child, "posix_spawn");
  if ((child = vfork()) == 0) {
    execv("/bin/true", arguments);
    _exit(1);
  }
  wait_for(child, "vfork");
  if (system("true") != 0) die("system");
  FILE *pipe = popen("echo said", "re");
  char line[16] = "";
  if (!pipe || !fgets(line, sizeof line, pipe) || pclose(pipe) != 0) die("popen");
  add(1, 10);
  printf("done\n");
}

static pid_t raw_clone(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

/* failing COUNT: clones that fail when the memory has been copied (their pid is taken), each with a
 * fork that succeeds after it. */
static void failing(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    pid_t taken = getpid();
    struct {
      uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
    } clone = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&taken, .set_tid_size = 1};
    if (syscall(SYS_clone3, &clone, sizeof clone) != -1) die("clone3 should fail");
    if (errno != EEXIST) die("clone3");
    pid_t child = fork();
    if (child == 0) {
      add(i, 10);
      _exit(0);
    }
    wait_for(child, "a child after a failure");
  }
  printf("done\n");
}

/* limited: fork() fails for the number of processes. */
static void limited(void) {
  struct rlimit none = {1, 1};
  if (setrlimit(RLIMIT_NPROC, &none) != 0 || setresuid(65534, 65534, 65534) != 0) die("setrlimit");
  pid_t child = fork();
  if (child == 0) _exit(0);
  int error = errno;
  add(1, 10);
  printf("%s\n", child < 0 && error == EAGAIN ? "EAGAIN" : "forked");
}

/* exec COUNT: children that call exec at once, by fork and by a clone that libgshm does not see. */
static void exec_at_once(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    pid_t child = i % 2 ? fork() : raw_clone();
    if (child < 0) die("fork");
    if (child == 0) {
      execl("/bin/true", "true", (char *)NULL);
      _exit(1);
    }
    wait_for(child, "exec");
  }
  printf("done\n");
}

/* sleeper HOW: a child that calls exec at once and stays; gives its pid. */
static void sleeper(const char *how) {
  pid_t child = strcmp(how, "raw") ? fork() : raw_clone();
  if (child < 0) die("fork");
  if (child == 0) {
    execl("/bin/sleep", "sleep", "1000", (char *)NULL);
    _exit(1);
  }
  printf("%d\n", (int)child);
}

/* orphan: a grandchild whose parent has ended; it adds until word(2) is set, then says how often. */
static void orphan(void) {
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    if (fork() == 0) {
      for (int fd = 0; fd < 3; fd++) close(fd); /* whoever reads them waits for our parents alone */
      uint64_t count = 0;
      if (gshm_lock(g, "orphan") != 0 || gshm_unlock(g, "orphan") != 0) _exit(1); /* whoever its parent was */
      for (; __atomic_load_n(word(2), __ATOMIC_SEQ_CST) == 0; count++)
        __atomic_fetch_add(word(1), 1, __ATOMIC_SEQ_CST);
      __atomic_store_n(word(3), count, __ATOMIC_SEQ_CST);
      __atomic_store_n(word(4), (uint64_t)getpid(), __ATOMIC_SEQ_CST);
    }
    _exit(0);
  }
  wait_for(child, "the parent of the orphan");
  printf("done\n");
}

/* A fork handler of the program's own, called in the child before libgshm's. */
static volatile int handles, waits;
static int gate[2];
static void handler(void) {
  char byte;
  if (handles) add(7, 10);
  if (waits && read(gate[0], &byte, 1) != 1) _exit(1);
}

/* late mapped|bare: a grandchild that says who it is when its parent has long ended, with a view or none; it waits for `open`. */
static void late(bool is_bare) {
  if (!gate[1] && pipe(gate) != 0) die("pipe");
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    if (is_bare && gshm_unmap(g, memory) != 0) die("unmap");
    waits = 1;
    if (fork() == 0) {
      if (is_bare && !(memory = gshm_map(segment, NULL, 0, 0))) die("map");
      add(1, 10);
      printf("added 10\n");
    }
    _exit(0);
  }
  wait_for(child, "the parent of a late child");
  printf("done\n");
}

/* handled: a child whose own fork handler uses global memory. */
static void handled(void) {
  handles = 1;
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    add(8, 10);
    int held = gshm_lock(g, "child");
    _exit(held == 0 && gshm_unlock(g, "child") == 0 ? 0 : 1);
  }
  handles = 0;
  wait_for(child, "a child with a handler");
  printf("done\n");
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: forks SEGMENT\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  pthread_atfork(NULL, NULL, handler);
  if (!(g = gshm_attach(NULL))) die("attach");
  segment = gshm_open(g, argv[1], 0);
  if (!segment || !(memory = gshm_map(segment, NULL, 0, 0))) die("map");
  printf("ready\n");
  char line[128], name[32], how[32];
  while (fgets(line, sizeof line, stdin)) {
    unsigned n[4] = {0};
    how[0] = 0;
    sscanf(line, "%31s %31s", name, how);
    sscanf(line, "%*s %u %u %u %u", &n[0], &n[1], &n[2], &n[3]);
    if (!strcmp(name, "stress")) stress(n[0], n[1], n[2], n[3]);
    else if (!strcmp(name, "add")) add(n[0], n[1]), printf("added %u\n", n[1]);
    else if (!strcmp(name, "bomb")) bomb(n[0]);
    else if (!strcmp(name, "killed")) killed(n[0]);
    else if (!strcmp(name, "spawned")) spawned();
    else if (!strcmp(name, "failing")) failing(n[0]);
    else if (!strcmp(name, "limited")) limited();
    else if (!strcmp(name, "exec")) exec_at_once(n[0]);
    else if (!strcmp(name, "sleeper")) sleeper(how);
    else if (!strcmp(name, "orphan")) orphan();
    else if (!strcmp(name, "handled")) handled();
    else if (!strcmp(name, "late")) late(!strcmp(how, "bare"));
    else if (!strcmp(name, "open")) {
      if (write(gate[1], "", 1) != 1) die("write");
    }
    else printf("unknown command %s\n", name);
  }
  return 0;
}
