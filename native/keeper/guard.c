/* guard.c: SIGBUS for everybody, never a zero.
 *
 * First it shuts the words of all locks, so that nobody gets one any more that another node may be given.
 * Then the order, and why no thread can read a zero at any moment of it:
 *   0. processes that trap their own faults let go of their views (darken.h).
 *   1. punch every memfd. Every page that was mapped is a hole now, and every hole lies in a range
 *      whose missing faults are trapped, so whoever touches it waits.
 *   2. wake everybody. Faults that the dead daemon had read are not sent again by themselves; their
 *      threads try again and wait again, as new messages.
 *   3. read messages for ever. A fault: the page is poisoned, its thread woken into SIGBUS. A fork:
 *      the child's userfaultfd is held like the others, before fork() returns in either of them.
 *      Remap, unmap and remove: reading them is all that the process waits for; where its views are
 *      now does not matter, faults tell.
 * A descriptor of its own for each userfaultfd keeps the traps in place throughout. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/frames.h"
#include "core/lock_words.h"
#include "core/uffd.h"
#include "darken.h"

#define ROUND_MS 1000  /* between looks for processes that have gone without a sign */
#define MESSAGES 64
#define PIDFD_BIT (1ull << 63) /* in epoll data: the channel's pidfd, not its userfaultfd */

struct guard {
  struct holdings *held;
  int epoll;
  int spare;        /* makes room for the descriptor that a fork event brings */
  uint64_t next_id; /* for forked children: above every id the daemon gave */
  bool starved;     /* a fork event is waiting for a descriptor */
};

static void punch_all(const struct holdings *held) {
  for (size_t i = 0; i < held->segments; i++) {
    struct stat status;
    struct gshm_frames frames = {.fd = held->frames[i].fd};
    if (fstat(frames.fd, &status) != 0) continue;
    frames.pages = (uint64_t)status.st_size / GSHM_PAGE_SIZE;
    gshm_frames_punch(&frames, 0, frames.pages);
  }
}

/* Slots that no lock has had are holes, and nobody is told of one any more. */
static void shut_all(const struct holdings *held) {
  for (size_t i = 0; i < held->lock_sets; i++) {
    struct gshm_lock_words words = {.fd = held->locks[i].fd};
    if (gshm_lock_words_map(&words) != 0) continue;
    off_t end = 0;
    for (off_t at; (at = lseek(words.fd, end, SEEK_DATA)) >= 0;) {
      end = lseek(words.fd, at, SEEK_HOLE);
      if (end <= at) break;
      gshm_lock_words_shut_between(&words, (uint64_t)at, (uint64_t)end);
    }
    munmap(words.pages, sizeof *words.pages);
  }
}

static void watch(struct guard *guard, int fd, uint64_t data) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
  if (fd >= 0 && epoll_ctl(guard->epoll, EPOLL_CTL_ADD, fd, &event) != 0 && errno != EEXIST)
    fprintf(stderr, "gshm-keeper: epoll_ctl: %s\n", strerror(errno));
}

static void drop(struct guard *guard, uint64_t id) {
  const struct channel *channel = holdings_channel(guard->held, id);
  if (!channel) return;
  /* The process may hold a copy of its userfaultfd, which would keep the entry alive. */
  epoll_ctl(guard->epoll, EPOLL_CTL_DEL, channel->uffd, NULL);
  holdings_drop_channel(guard->held, id);
}

static void adopt(struct guard *guard, int uffd) {
  fcntl(uffd, F_SETFD, FD_CLOEXEC);
  uint64_t id = guard->next_id++;
  holdings_add_channel(guard->held, id, uffd, -1);
  watch(guard, uffd, id);
}

static void poison(const struct guard *guard, int uffd, uint64_t address) {
  const uint64_t page = address & ~(uint64_t)(GSHM_PAGE_SIZE - 1);
  int result = gshm_uffd_poison(uffd, page, GSHM_PAGE_SIZE);
  if (result == GSHM_CHANGE_ALREADY) {
    /* Poisoned for another thread; or somebody filled the hole (a core dump does): punch again. */
    punch_all(guard->held);
    result = gshm_uffd_poison(uffd, page, GSHM_PAGE_SIZE);
  }
  /* Again (an event is to be read first), gone (unmapped), or an error: trying again is the
   * thread's part, and it brings the fault back here if it is one. */
  if (result != GSHM_CHANGE_OK) gshm_uffd_wake(uffd, page, GSHM_PAGE_SIZE);
}

static int read_messages(struct guard *guard, int uffd, struct uffd_msg *messages) {
  int count = gshm_uffd_read(uffd, messages, MESSAGES);
  if (count >= 0) return count;
  if (guard->spare >= 0) close(guard->spare);
  count = gshm_uffd_read(uffd, messages, 1);
  guard->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return count;
}

/* Serves what one userfaultfd has queued. */
static void serve(struct guard *guard, uint64_t id, uint32_t state) {
  struct uffd_msg messages[MESSAGES];
  const struct channel *channel = holdings_channel(guard->held, id);
  if (!channel) return;
  const int uffd = channel->uffd; /* the array moves when a child is adopted */
  /* The process has cleared a flag that it shares with us, and polling answers nothing else now. */
  if (state & EPOLLERR) fcntl(uffd, F_SETFL, fcntl(uffd, F_GETFL) | O_NONBLOCK);
  int count = read_messages(guard, uffd, messages);
  if (count < 0) { /* the process stays in fork(): no zero, but no busy loop either */
    epoll_ctl(guard->epoll, EPOLL_CTL_DEL, uffd, NULL);
    guard->starved = true;
  }
  for (int i = 0; i < count; i++) {
    if (messages[i].event == UFFD_EVENT_PAGEFAULT) poison(guard, uffd, messages[i].arg.pagefault.address);
    else if (messages[i].event == UFFD_EVENT_FORK) adopt(guard, (int)messages[i].arg.fork.ufd);
    else gshm_uffd_wake_all(uffd); /* who waited where nothing is mapped any more */
  }
}

/* Once a second: a process that has called exec, or whose pid is not known, ends without a sign. */
static void look_round(struct guard *guard) {
  for (size_t i = guard->held->channels; i-- > 0;) {
    const struct channel *channel = &guard->held->channel[i];
    if (!gshm_uffd_alive(channel->uffd)) drop(guard, channel->id);
    else if (guard->starved) watch(guard, channel->uffd, channel->id);
  }
  guard->starved = false;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void take_over(struct guard *guard) {
  struct holdings *held = guard->held;
  shut_all(held);
  darken_all(held);
  punch_all(held);
  for (size_t i = 0; i < held->channels; i++) {
    struct channel *channel = &held->channel[i];
    fcntl(channel->uffd, F_SETFL, fcntl(channel->uffd, F_GETFL) | O_NONBLOCK);
    if (channel->id >= guard->next_id) guard->next_id = channel->id + 1;
    watch(guard, channel->uffd, channel->id);
    watch(guard, channel->pidfd, channel->id | PIDFD_BIT);
    gshm_uffd_wake_all(channel->uffd);
  }
  const size_t count = held->channels + held->trapped_count;
  fprintf(stderr, "gshm-keeper: gshmd is dead; its %zu process%s get%s SIGBUS for global memory\n", count,
          count == 1 ? "" : "es", count == 1 ? "s" : "");
}

void stand_guard(struct holdings *held) {
  struct guard guard = {.held = held, .epoll = epoll_create1(EPOLL_CLOEXEC)};
  guard.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (guard.epoll < 0) {
    fprintf(stderr, "gshm-keeper: epoll_create1: %s\n", strerror(errno));
    for (;;) pause(); /* holding on: waiting threads are better than threads that read zeros */
  }
  take_over(&guard);
  for (int64_t round = now_ms() + ROUND_MS; held->channels > 0;) {
    struct epoll_event events[MESSAGES];
    int64_t rest = round - now_ms();
    int count = epoll_wait(guard.epoll, events, MESSAGES, rest > 0 ? (int)rest : 0);
    for (int i = 0; i < count; i++) {
      if (events[i].data.u64 & PIDFD_BIT) drop(&guard, events[i].data.u64 & ~PIDFD_BIT);
      else serve(&guard, events[i].data.u64, events[i].events);
    }
    if (now_ms() < round) continue;
    look_round(&guard);
    round = now_ms() + ROUND_MS;
  }
}
