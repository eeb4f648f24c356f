/* trap_ranges.c: which addresses are views of this process, for a signal handler to ask.
 *
 * The handler may interrupt whatever a thread does, so it takes no lock: it reads an immutable table, and says that it does.
 * Who changes the table puts another in its place, and frees the old one when nobody reads. Nor does the service thread take a lock:
 * who holds it may wait for the daemon, in a signal's handler or one of fork's that uses a view, and the daemon for that thread. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/page.h"
#include "client/error.h"
#include "client/process.h"
#include "client/trap.h"
#include "client/trap_state.h"

struct range {
  uintptr_t start, end;
  uint32_t segment;
  uint64_t offset;
  int memfd; /* a descriptor of its own: the segment may be closed while the view stays */
};

struct table {
  struct table *retired; /* an older one that somebody may still read */
  size_t count;
  struct range ranges[]; /* by start */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of changes */
static struct table *_Atomic current;
static _Atomic unsigned readers;
static _Atomic unsigned restricting; /* service threads that look at what is about to be unmapped, perhaps */
static struct table *retired;

static size_t count_of(const struct table *table) { return table ? table->count : 0; }

static struct table *room_for(size_t count) {
  struct table *table = calloc(1, sizeof *table + count * sizeof *table->ranges);
  if (!table) gshm_fail_system("malloc", ENOMEM);
  return table;
}

static void put(struct table *next) {
  struct table *old = atomic_exchange(&current, next);
  if (old) {
    old->retired = retired;
    retired = old;
  }
  if (readers != 0) return; /* the next change looks again */
  while (retired) {
    struct table *freed = retired;
    retired = freed->retired;
    free(freed);
  }
}

/* mprotect refuses what is not mapped with the same errno as one mapping too many. */
static bool is_mapped(uintptr_t page) {
  unsigned char resident;
  return mincore((void *)page, GSHM_PAGE_SIZE, &resident) == 0;
}

static int restrict_part(const struct range *range, uintptr_t from, uintptr_t to, int prot) {
  if (mprotect((void *)from, to - from, prot) == 0) return 0;
  if (errno != ENOMEM) return -errno;
  if (mprotect((void *)range->start, range->end - range->start, PROT_NONE) == 0) return 0;
  /* The program has unmapped some of the view by itself. */
  for (uintptr_t page = from; page < to; page += GSHM_PAGE_SIZE)
    if (mprotect((void *)page, GSHM_PAGE_SIZE, PROT_NONE) != 0 && is_mapped(page)) return -ENOMEM;
  return 0;
}

/* All of it allows nothing, also behind a piece that the program has unmapped. */
static int shut(const struct range *range) { return restrict_part(range, range->start, range->end, PROT_NONE); }

int gshm_trap_range_add(uintptr_t start, uintptr_t end, uint32_t segment, int memfd, uint64_t offset) {
  int own = fcntl(memfd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) return gshm_fail_system("dup", errno);
  pthread_mutex_lock(&lock);
  const struct table *now = current;
  size_t count = count_of(now), at = 0;
  struct table *next = room_for(count + 1);
  if (next) {
    while (at < count && now->ranges[at].start < start) at++;
    if (count > 0) {
      memcpy(next->ranges, now->ranges, at * sizeof *now->ranges);
      memcpy(next->ranges + at + 1, now->ranges + at, (count - at) * sizeof *now->ranges);
    }
    next->ranges[at] = (struct range){start, end, segment, offset, own};
    next->count = count + 1;
    put(next);
  }
  pthread_mutex_unlock(&lock);
  if (next) return 0;
  close(own);
  return -1;
}

void gshm_trap_range_remove(uintptr_t start, uintptr_t end) {
  pthread_mutex_lock(&lock);
  const struct table *now = current;
  size_t count = count_of(now);
  struct table *next = count > 0 ? room_for(count) : NULL;
  if (next) {
    for (size_t i = 0; i < count; i++) {
      const struct range *range = &now->ranges[i];
      if (range->start >= end || range->end <= start) {
        next->ranges[next->count++] = *range;
        continue;
      }
      shut(range);
      close(range->memfd);
    }
    put(next);
  }
  pthread_mutex_unlock(&lock);
  while (restricting > 0) sched_yield(); /* what is mapped there next is not its business */
}

/* The table, which stays until end_restricting. */
static const struct table *begin_restricting(void) {
  restricting++;
  readers++;
  return current;
}

static void end_restricting(void) {
  readers--;
  restricting--;
}

bool gshm_trap_range_find(uintptr_t address, uintptr_t *start, uintptr_t *end) {
  readers++;
  const struct table *table = current;
  size_t low = 0, high = count_of(table);
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (table->ranges[middle].end <= address) low = middle + 1;
    else high = middle;
  }
  bool has = low < count_of(table) && table->ranges[low].start <= address;
  if (has) *start = table->ranges[low].start, *end = table->ranges[low].end;
  readers--;
  return has;
}

int gshm_trap_range_restrict(const struct gshm_trap_range *order) {
  const int prot = order->access == GSHM_TRAP_NONE ? PROT_NONE : PROT_READ;
  const uintptr_t from = order->from, to = order->from + order->length;
  int result = 0;
  const struct table *now = begin_restricting();
  for (size_t i = 0; i < count_of(now); i++) {
    const struct range *range = &now->ranges[i];
    if (range->end <= from || range->start >= to) continue;
    int error = restrict_part(range, from > range->start ? from : range->start, to < range->end ? to : range->end, prot);
    if (error != 0) result = error;
  }
  end_restricting();
  return result;
}

int gshm_trap_range_darken(void) {
  int result = 0;
  const struct table *now = begin_restricting();
  for (size_t i = 0; i < count_of(now); i++) {
    int error = shut(&now->ranges[i]);
    if (error != 0) result = error;
  }
  end_restricting();
  return result;
}

typedef int tell_daemon(uint32_t segment, uintptr_t start, uint64_t offset, uint64_t length);

static int map_again(const struct range *range, tell_daemon *tell) {
  if (!tell) return gshm_forbid_range(range->start, range->end);
  size_t length = range->end - range->start;
  void *at = mmap((void *)range->start, length, PROT_NONE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                  range->memfd, (off_t)range->offset);
  if (at == MAP_FAILED) return gshm_fail_system("mmap", errno);
  madvise(at, length, MADV_NOHUGEPAGE);
  madvise(at, length, MADV_DONTFORK);
  return tell(range->segment, range->start, range->offset, length);
}

int gshm_trap_fork_again(tell_daemon *tell) {
  const struct table *now = current;
  for (size_t i = 0; i < count_of(now); i++)
    if (map_again(&now->ranges[i], tell) != 0) return -1;
  return 0;
}

void gshm_trap_fork_prepare(void) { pthread_mutex_lock(&lock); }
void gshm_trap_fork_parent(void) { pthread_mutex_unlock(&lock); }
void gshm_trap_range_fork_child(void) {
  pthread_mutex_init(&lock, NULL);
  readers = restricting = 0; /* threads of the parent's */
}
