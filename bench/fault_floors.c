/* fault_floors: what the kernel and C alone cost, for the fault benchmark to be held against.
 *
 *   fault_floors COUNT [mprotect]
 *
 * Prints one JSON object: the p50 in microseconds of a missing, a minor and a write-protect fault
 * served by a handler in another process, and of round trips: `tcp` over loopback (64 bytes there, a
 * page back), `message` the same with 64 bytes back, `ask` 64 bytes each way over a unix socket of the
 * device's kind. Each is between two processes, each read in the thread that waits. The others block
 * in poll(2) or read(2), as simple ones do. With `mprotect` the process traps the faults itself (trap_floors.h). Where the processes run is the caller's affair. */
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/uffd.h"
#include "measure.h"
#include "round_trips.h"
#include "trap_floors.h"

#define PAGE 4096u

/* Serves faults on [base, base + COUNT pages) until killed, deciding as little as possible. */
static void handler(int uffd, char *base, char *alias) {
  static char zeros[PAGE];
  for (;;) {
    struct pollfd ready = {.fd = uffd, .events = POLLIN};
    if (poll(&ready, 1, -1) < 0) die("poll");
    struct uffd_msg message;
    if (gshm_uffd_read(uffd, &message, 1) != 1) continue;
    uint64_t address = message.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
    if (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
      if (gshm_uffd_protect(uffd, address, PAGE, false) != GSHM_CHANGE_OK) die("unprotect");
      continue;
    }
    if (!(message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR)) {
      memcpy(alias + (address - (uint64_t)(uintptr_t)base), zeros, PAGE);
    }
    if (gshm_uffd_resume(uffd, address, PAGE, true) != GSHM_CHANGE_OK) die("continue");
  }
}

struct floors {
  double missing, minor, wp, tcp, message, ask;
};

static void faults(int count, double *samples, struct floors *floors) {
  size_t bytes = (size_t)count * PAGE;
  int memfd = memfd_create("gshm-bench-floors", MFD_CLOEXEC);
  if (memfd < 0 || ftruncate(memfd, (off_t)bytes) < 0) die("memfd");
  char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  char *alias = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  if (base == MAP_FAILED || alias == MAP_FAILED) die("mmap");
  /* No fork events: the handler is a plain child that inherits the descriptor. */
  int uffd = gshm_uffd_open();
  if (uffd < 0) die("userfaultfd");
  uint64_t features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MISSING_SHMEM |
                      UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM;
  if (gshm_uffd_api(uffd, features, NULL) < 0) die("UFFDIO_API");
  if (gshm_uffd_register(uffd, (uint64_t)(uintptr_t)base, bytes) < 0) die("UFFDIO_REGISTER");
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    handler(uffd, base, alias);
  }
  floors->missing = store_to_pages(base, count, samples);
  /* The frames stay, the page-table entries go: minor faults. */
  if (madvise(base, bytes, MADV_DONTNEED) < 0) die("madvise");
  floors->minor = store_to_pages(base, count, samples);
  if (gshm_uffd_protect(uffd, (uint64_t)(uintptr_t)base, bytes, true) != GSHM_CHANGE_OK) die("protect");
  floors->wp = store_to_pages(base, count, samples);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(uffd);
}

int main(int argc, char **argv) {
  bool trapped = argc == 3 && strcmp(argv[2], "mprotect") == 0;
  int count = argc == 2 || trapped ? atoi(argv[1]) : 0;
  if (count < 1 || count > 1000000) {
    fprintf(stderr, "usage: fault_floors COUNT (1 to 1000000) [mprotect]\n");
    return 2;
  }
  double *samples = malloc(sizeof *samples * (size_t)count);
  if (samples == NULL) die("malloc");
  struct floors floors;
  if (trapped) trap_faults(count, samples, &floors.missing, &floors.minor, &floors.wp);
  else faults(count, samples, &floors);
  floors.tcp = tcp_round_trip(PAGE, count, samples);
  floors.message = tcp_round_trip(64, count, samples);
  floors.ask = device_round_trip(count, samples);
  printf("{\"missing\":%.3f,\"minor\":%.3f,\"wp\":%.3f,\"tcp\":%.3f,\"message\":%.3f,\"ask\":%.3f}\n",
         floors.missing, floors.minor, floors.wp, floors.tcp, floors.message, floors.ask);
  free(samples);
  return 0;
}
