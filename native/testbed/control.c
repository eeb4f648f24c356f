/* control.c: the testbed's ordinary process, which knows nothing of globalshm.
 *
 * It does not link libgshm and inherits no descriptor of it. On every SIGUSR1 it does the same
 * memory workload some rounds over and writes one line to standard output: {"minorFaults":N}, the
 * least of the rounds. (The least, because the kernel may add a fault to any of them for reasons of
 * its own, such as reclaim.) Whoever started it compares the lines from before a cluster exists
 * with those from beside a running one, and looks into its /proc. SIGTERM ends it. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PAGES = 1024, PAGE = 4096, ROUNDS = 5 };

/* Field 10 of /proc/self/stat, with no memory but the stack: reading must not fault by itself. */
static long minor_faults(void) {
  char text[1024];
  int fd = open("/proc/self/stat", O_RDONLY);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length < 0) return -1;
  close(fd);
  text[length] = 0;
  char *field = strrchr(text, ')');
  for (int n = 2; field && n < 10; n++) field = strchr(field + 1, ' ');
  return field ? strtol(field + 1, NULL, 10) : -1;
}

static void touch(volatile unsigned char *memory) {
  for (int page = 0; page < PAGES; page++) memory[(size_t)page * PAGE] += 1;
}

/* Private memory, and shared memory that two mappings alias: what a view of a segment would be. */
static int workload(void) {
  size_t length = (size_t)PAGES * PAGE;
  int fd = memfd_create("control", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, (off_t)length) != 0) return -1;
  void *own = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void *first = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  void *second = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (own == MAP_FAILED || first == MAP_FAILED || second == MAP_FAILED) return -1;
  madvise(own, length, MADV_NOHUGEPAGE);
  touch(own);
  touch(first);
  touch(second);
  munmap(own, length);
  munmap(first, length);
  munmap(second, length);
  close(fd);
  return 0;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never outlives who watches it */
  /* The first rounds fault in code, stack and page tables. */
  for (int i = 0; i < 2; i++) {
    if (minor_faults() < 0 || workload() != 0) return 1;
  }
  if (write(STDOUT_FILENO, "{\"ready\":true}\n", 15) != 15) return 1;
  for (int number; sigwait(&set, &number) == 0 && number == SIGUSR1;) {
    long least = -1;
    for (int i = 0; i < ROUNDS; i++) {
      long before = minor_faults();
      if (workload() != 0) return 1;
      long faults = minor_faults() - before;
      if (least < 0 || faults < least) least = faults;
    }
    char line[64];
    int length = snprintf(line, sizeof line, "{\"minorFaults\":%ld}\n", least);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) return 1;
  }
  return 0;
}
