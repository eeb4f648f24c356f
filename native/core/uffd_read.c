/* uffd_read.c: reading messages without ever blocking, whatever the process does. See uffd.h.
 *
 * O_NONBLOCK belongs to the open file, which the process shares, so it can be cleared between our
 * look at it and our read. RWF_NOWAIT is ours alone, but the kernel knows it since Linux 6.10 only,
 * and (6.18 still) not for the userfaultfds that fork events bring. For those a timer's signal
 * interrupts a read that turns out to block. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "uffd.h"

#define PATIENCE_NS 1000000 /* of a read that should not wait at all */

static void on_alarm(int number) { (void)number; }

static int alarm_signal(void) { return SIGRTMIN + 7; }

/* The calling thread's timer, made at its first use; false if the host has none to give. */
static bool alarm_of_thread(timer_t *out) {
  static __thread timer_t timer;
  static __thread bool made;
  if (!made) {
    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: to interrupt is the point */
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = alarm_signal()};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (sigaction(alarm_signal(), &action, NULL) != 0) return false;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return false;
    made = true;
  }
  *out = timer;
  return true;
}

static ssize_t read_with_alarm(int fd, void *into, size_t size) {
  timer_t timer;
  if (!alarm_of_thread(&timer)) {
    errno = EAGAIN; /* its process waits until there is one; the others do not */
    return -1;
  }
  int flags = fcntl(fd, F_GETFL);
  if (!(flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  /* It rings again and again: the first may come before the read has begun to wait. */
  const struct itimerspec on = {.it_value.tv_nsec = PATIENCE_NS, .it_interval.tv_nsec = PATIENCE_NS};
  const struct itimerspec off = {{0, 0}, {0, 0}};
  timer_settime(timer, 0, &on, NULL);
  ssize_t length = read(fd, into, size);
  int error = errno;
  timer_settime(timer, 0, &off, NULL);
  errno = error;
  return length;
}

static ssize_t read_nowait(int fd, void *into, size_t size) {
  struct iovec vector = {.iov_base = into, .iov_len = size};
  /* Offset -1: the current position, the only one that a descriptor without positions takes. */
  return preadv2(fd, &vector, 1, -1, RWF_NOWAIT);
}

bool gshm_uffd_read_nowait_works(void) {
  int fd = gshm_uffd_open();
  if (fd < 0) return false;
  struct uffd_msg message;
  bool works = gshm_uffd_api(fd, 0, NULL) == 0 && fcntl(fd, F_SETFL, 0) == 0 &&
               read_nowait(fd, &message, sizeof message) < 0 && errno == EAGAIN;
  close(fd);
  return works;
}

int gshm_uffd_read(int fd, struct uffd_msg *messages, size_t count) {
  ssize_t length = read_nowait(fd, messages, count * sizeof *messages);
  if (length < 0 && errno == EOPNOTSUPP) length = read_with_alarm(fd, messages, count * sizeof *messages);
  if (length >= 0) return (int)(length / (ssize_t)sizeof *messages);
  return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}
