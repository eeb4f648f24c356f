/* trap.c: see trap.h.
 *
 * What each page of a view allows is kept here, a byte a page, of memory that costs nothing until it is touched: so that
 * no order is given for what the process does not have. An order is given at a time, and waited for. */
#include "core/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/futex.h"
#include "core/sealed_memfd.h"

struct view {
  uint64_t start, end;
  uint8_t *access; /* of each page: enum gshm_trap_access */
};

struct gshm_trap {
  int memory, bell, pidfd;
  struct gshm_trap_page *page;
  struct view *views; /* by start */
  size_t count, room;
  uint32_t given; /* the number of the last order; what the page says of it may be anything */
  bool ordered;   /* it is not known to be done */
  uint64_t unread[GSHM_TRAP_WORDS];   /* slots that were posted, and did not fit into what was read */
  uint64_t asked[GSHM_TRAP_WORDS];   /* slots that gshm_trap_read has given out and that have no answer yet */
  uint64_t granted[GSHM_TRAP_WORDS]; /* slots whose grant was not yet seen to be confirmed */
  uint64_t address[GSHM_TRAP_SLOTS]; /* of those that are asked, as it was given out */
};

static const struct timespec slice = {.tv_nsec = GSHM_TRAP_SLICE_MS * 1000000};

#define EACH_BIT(slot, words)                                                                   \
  for (unsigned word_ = 0; word_ < GSHM_TRAP_WORDS; word_++)                                    \
    for (uint64_t rest_ = (words)[word_], slot = 0;                                             \
         rest_ && ((slot = word_ * 64 + (unsigned)__builtin_ctzll(rest_)), true); rest_ &= rest_ - 1)

static void set_bit(uint64_t *words, uint64_t slot) { words[slot / 64] |= 1ull << (slot % 64); }
static void clear_bit(uint64_t *words, uint64_t slot) { words[slot / 64] &= ~(1ull << (slot % 64)); }

static int open_memory(struct gshm_trap *trap) {
  trap->memory = gshm_sealed_memfd(GSHM_TRAP_NAME, sizeof *trap->page);
  if (trap->memory < 0) return trap->memory;
  /* A page that the host has no memory for later would end the daemon. */
  int error = posix_fallocate(trap->memory, 0, sizeof *trap->page);
  if (error != 0) return -error;
  trap->page = mmap(NULL, sizeof *trap->page, PROT_READ | PROT_WRITE, MAP_SHARED, trap->memory, 0);
  return trap->page == MAP_FAILED ? -errno : 0;
}

struct gshm_trap *gshm_trap_open(int pid) {
  struct gshm_trap *trap = calloc(1, sizeof *trap);
  if (!trap) return NULL;
  trap->memory = trap->bell = trap->pidfd = -1;
  trap->page = MAP_FAILED;
  int error = -open_memory(trap);
  if (error == 0 && (trap->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) error = errno;
  if (error == 0 && (trap->pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0) error = errno;
  if (error == 0) return trap;
  gshm_trap_close(trap);
  errno = error;
  return NULL;
}

void gshm_trap_close(struct gshm_trap *trap) {
  for (size_t i = 0; i < trap->count; i++)
    munmap(trap->views[i].access, (trap->views[i].end - trap->views[i].start) / GSHM_PAGE_SIZE);
  free(trap->views);
  if (trap->page != MAP_FAILED) munmap(trap->page, sizeof *trap->page);
  const int fds[] = {trap->memory, trap->bell, trap->pidfd};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0) close(fds[i]);
  free(trap);
}

int gshm_trap_memory(const struct gshm_trap *trap) { return trap->memory; }
int gshm_trap_bell(const struct gshm_trap *trap) { return trap->bell; }

bool gshm_trap_alive(const struct gshm_trap *trap) {
  struct pollfd poll_for = {.fd = trap->pidfd, .events = POLLIN};
  return poll(&poll_for, 1, 0) == 0;
}

/* The first view that ends after `address`. */
static size_t first_after(const struct gshm_trap *trap, uint64_t address) {
  size_t low = 0, high = trap->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (trap->views[middle].end <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}

int gshm_trap_register(struct gshm_trap *trap, uint64_t address, uint64_t length) {
  size_t at = first_after(trap, address);
  if (at < trap->count && trap->views[at].start < address + length) return -EBUSY;
  if (trap->count == trap->room) {
    size_t room = trap->room ? 2 * trap->room : 8;
    struct view *grown = realloc(trap->views, room * sizeof *grown);
    if (!grown) return -ENOMEM;
    trap->views = grown;
    trap->room = room;
  }
  void *access = mmap(NULL, length / GSHM_PAGE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (access == MAP_FAILED) return -errno;
  memmove(trap->views + at + 1, trap->views + at, (trap->count - at) * sizeof *trap->views);
  trap->views[at] = (struct view){.start = address, .end = address + length, .access = access};
  trap->count++;
  return 0;
}

void gshm_trap_unregister(struct gshm_trap *trap, uint64_t address, uint64_t length) {
  for (size_t at = first_after(trap, address); at < trap->count && trap->views[at].start < address + length;) {
    struct view *view = &trap->views[at];
    uint64_t from = address > view->start ? address : view->start;
    uint64_t to = address + length < view->end ? address + length : view->end;
    if (from == view->start && to == view->end) {
      munmap(view->access, (view->end - view->start) / GSHM_PAGE_SIZE);
      trap->count--;
      memmove(view, view + 1, (trap->count - at) * sizeof *view);
    } else { /* what is left of it is its process's to name: it never had more than this view */
      memset(view->access + (from - view->start) / GSHM_PAGE_SIZE, GSHM_TRAP_NONE, (to - from) / GSHM_PAGE_SIZE);
      at++;
    }
  }
}

/* Slots that have been posted since they were looked at last. */
static bool take_posted(struct gshm_trap *trap) {
  bool any = false;
  for (unsigned i = 0; i < GSHM_TRAP_WORDS; i++) {
    trap->unread[i] |= __atomic_exchange_n(&trap->page->posted[i], 0, __ATOMIC_ACQ_REL);
    any = any || trap->unread[i];
  }
  return any;
}

/* Its process shares the flags, and may have cleared O_NONBLOCK. */
static void silence(int bell) {
  uint64_t rung;
  struct iovec into = {&rung, sizeof rung};
  ssize_t ignored = preadv2(bell, &into, 1, -1, RWF_NOWAIT);
  (void)ignored;
}

static struct uffd_msg message_of(const struct gshm_trap_slot *slot) {
  struct uffd_msg message = {.event = UFFD_EVENT_PAGEFAULT};
  message.arg.pagefault.flags = __atomic_load_n(&slot->write, __ATOMIC_RELAXED) ? UFFD_PAGEFAULT_FLAG_WRITE : 0;
  message.arg.pagefault.address = __atomic_load_n(&slot->address, __ATOMIC_RELAXED) & ~(uint64_t)(GSHM_PAGE_SIZE - 1);
  message.arg.pagefault.feat.ptid = __atomic_load_n(&slot->thread, __ATOMIC_RELAXED);
  return message;
}

int gshm_trap_read(struct gshm_trap *trap, struct uffd_msg *messages, size_t count) {
  if (!take_posted(trap)) {
    /* The bell is silenced only when nothing is left: whoever rings after that has posted after that. */
    silence(trap->bell);
    if (!take_posted(trap)) return 0;
  }
  size_t read = 0;
  EACH_BIT(slot, trap->unread) {
    if (read == count) break;
    clear_bit(trap->unread, slot);
    const struct gshm_trap_slot *posted = &trap->page->slots[slot];
    if (__atomic_load_n(&posted->state, __ATOMIC_ACQUIRE) != GSHM_TRAP_POSTED) continue;
    messages[read] = message_of(posted);
    if (messages[read].arg.pagefault.address >= GSHM_ADDRESS_END) continue; /* no thread can have faulted there */
    trap->address[slot] = messages[read++].arg.pagefault.address;
    set_bit(trap->asked, slot);
  }
  return (int)read;
}

/* The answer to the thread that waits in the slot, unless its process has withdrawn the question (a view that gave way). */
static void answer(struct gshm_trap *trap, uint64_t slot, uint32_t state) {
  uint32_t *word = &trap->page->slots[slot].state;
  uint32_t posted = GSHM_TRAP_POSTED;
  clear_bit(trap->asked, slot);
  if (!__atomic_compare_exchange_n(word, &posted, state, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return;
  if (state == GSHM_TRAP_GRANT) set_bit(trap->granted, slot);
  gshm_futex_wake_all(word);
}

static void answer_between(struct gshm_trap *trap, uint64_t address, uint64_t length, uint32_t state) {
  EACH_BIT(slot, trap->asked)
    if (trap->address[slot] - address < length) answer(trap, slot, state);
}

void gshm_trap_wake(struct gshm_trap *trap, uint64_t address, uint64_t length) {
  answer_between(trap, address, length, GSHM_TRAP_RETRY);
}

void gshm_trap_poison(struct gshm_trap *trap, uint64_t address, uint64_t length) {
  answer_between(trap, address, length, GSHM_TRAP_BUS);
}

enum gshm_change gshm_trap_resume(struct gshm_trap *trap, uint64_t address, uint64_t length, bool writable) {
  const uint8_t access = writable ? GSHM_TRAP_WRITE : GSHM_TRAP_READ;
  EACH_BIT(slot, trap->asked) {
    if (trap->address[slot] - address >= length) continue;
    size_t at = first_after(trap, trap->address[slot]);
    if (at == trap->count || trap->views[at].start > trap->address[slot]) { /* of a view that has gone meanwhile */
      answer(trap, slot, GSHM_TRAP_RETRY);
      continue;
    }
    const struct view *view = &trap->views[at];
    uint64_t from = address > view->start ? address : view->start;
    uint64_t to = address + length < view->end ? address + length : view->end;
    for (uint64_t page = from; page < to; page += GSHM_PAGE_SIZE) {
      uint8_t *now = &view->access[(page - view->start) / GSHM_PAGE_SIZE];
      if (*now < access) *now = access;
    }
    trap->page->slots[slot].grant = (struct gshm_trap_range){.from = from, .length = to - from, .access = access};
    answer(trap, slot, GSHM_TRAP_GRANT);
  }
  return GSHM_CHANGE_OK;
}

/* No grant is on its way to being carried out. */
static bool are_grants_confirmed(struct gshm_trap *trap) {
  EACH_BIT(slot, trap->granted) {
    uint32_t *word = &trap->page->slots[slot].state;
    uint32_t state = GSHM_TRAP_GRANT;
    __atomic_compare_exchange_n(word, &state, GSHM_TRAP_AWAITED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    if (state == GSHM_TRAP_GRANT || state == GSHM_TRAP_AWAITED) {
      gshm_futex_wait(word, GSHM_TRAP_AWAITED, &slice);
      state = __atomic_load_n(word, __ATOMIC_ACQUIRE);
      if (state == GSHM_TRAP_GRANT || state == GSHM_TRAP_AWAITED) return false;
    }
    clear_bit(trap->granted, slot);
  }
  return true;
}

static bool is_done(struct gshm_trap *trap) {
  const uint32_t *done = &trap->page->order.done;
  uint32_t now = __atomic_load_n(done, __ATOMIC_ACQUIRE);
  if (now != trap->given) {
    gshm_futex_wait(done, now, &slice);
    now = __atomic_load_n(done, __ATOMIC_ACQUIRE);
  }
  trap->ordered = now != trap->given;
  return !trap->ordered;
}

/* AGAIN: it may be carried out later; or the order's result. */
static int order(struct gshm_trap *trap, uint64_t from, uint64_t to, uint8_t access) {
  struct gshm_trap_order *order = &trap->page->order;
  if (trap->ordered && !is_done(trap)) return GSHM_CHANGE_AGAIN; /* an earlier one, in vain or not */
  order->range = (struct gshm_trap_range){.from = from, .length = to - from, .access = access};
  trap->ordered = true;
  __atomic_store_n(&order->given, ++trap->given, __ATOMIC_RELEASE);
  gshm_futex_wake_all(&order->given);
  if (!is_done(trap)) return GSHM_CHANGE_AGAIN;
  int result = __atomic_load_n(&order->result, __ATOMIC_RELAXED);
  return result < 0 ? -EACCES : GSHM_CHANGE_OK;
}

/* The pages of the view from..to that allow more than `access`, a run at a time. */
static int restrict_view(struct gshm_trap *trap, const struct view *view, uint64_t from, uint64_t to, uint8_t access) {
  uint8_t *pages = view->access;
  uint64_t end = (to - view->start) / GSHM_PAGE_SIZE;
  for (uint64_t page = (from - view->start) / GSHM_PAGE_SIZE; page < end;) {
    uint64_t first = page;
    while (page < end && pages[page] > access) page++;
    if (page > first) {
      uint64_t start = view->start + first * GSHM_PAGE_SIZE;
      int result = order(trap, start, start + (page - first) * GSHM_PAGE_SIZE, access);
      if (result != GSHM_CHANGE_OK) return result;
      memset(pages + first, access, page - first);
    } else {
      page++;
    }
  }
  return GSHM_CHANGE_OK;
}

static bool allows_more(const struct view *view, uint64_t from, uint64_t to, uint8_t access) {
  for (uint64_t page = from; page < to; page += GSHM_PAGE_SIZE)
    if (view->access[(page - view->start) / GSHM_PAGE_SIZE] > access) return true;
  return false;
}

int gshm_trap_restrict(struct gshm_trap *trap, uint64_t address, uint64_t length, bool none) {
  const uint8_t access = none ? GSHM_TRAP_NONE : GSHM_TRAP_READ;
  for (size_t at = first_after(trap, address); at < trap->count; at++) {
    const struct view *view = &trap->views[at];
    if (view->start >= address + length) break;
    uint64_t from = address > view->start ? address : view->start;
    uint64_t to = address + length < view->end ? address + length : view->end;
    if (!allows_more(view, from, to, access)) continue;
    int result = are_grants_confirmed(trap) ? restrict_view(trap, view, from, to, access) : GSHM_CHANGE_AGAIN;
    if (result == GSHM_CHANGE_AGAIN && !gshm_trap_alive(trap)) return GSHM_CHANGE_GONE;
    if (result != GSHM_CHANGE_OK) return result;
  }
  return GSHM_CHANGE_OK;
}
