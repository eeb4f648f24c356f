/* lock_words.c: see lock_words.h. */
#include "core/lock_words.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/sealed_memfd.h"

int gshm_lock_words_open(struct gshm_lock_words *words, const char *name) {
  *words = (struct gshm_lock_words){.fd = gshm_sealed_memfd(name, sizeof(struct gshm_lock_pages))};
  int result = words->fd < 0 ? words->fd : gshm_lock_words_map(words);
  if (result == 0) return 0;
  if (words->fd >= 0) close(words->fd);
  words->fd = -1;
  return result;
}

int gshm_lock_words_map(struct gshm_lock_words *words) {
  void *pages = mmap(NULL, sizeof(struct gshm_lock_pages), PROT_READ | PROT_WRITE, MAP_SHARED, words->fd, 0);
  if (pages == MAP_FAILED) return -errno;
  words->pages = pages;
  return 0;
}

void gshm_lock_words_close(struct gshm_lock_words *words) {
  if (words->fd < 0) return;
  munmap(words->pages, sizeof *words->pages);
  close(words->fd);
  *words = (struct gshm_lock_words){.fd = -1};
}

static uint64_t *word_of(const struct gshm_lock_words *words, uint32_t slot) { return &words->pages->slots[slot].word; }

/* Where the kernel has no memory for a page of slots, storing there would end the daemon. */
static int reserve(const struct gshm_lock_words *words, uint32_t slot) {
  off_t at = (off_t)((char *)word_of(words, slot) - (char *)words->pages);
  int result;
  do result = fallocate(words->fd, 0, at, sizeof(struct gshm_lock_slot));
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : -errno;
}

int gshm_lock_words_give(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t owner,
                         bool shut) {
  uint64_t *word = word_of(words, slot);
  if (__atomic_load_n(word, __ATOMIC_RELAXED) == 0) { /* never used: generations begin with 1 */
    int error = reserve(words, slot);
    if (error != 0) return error;
  }
  words->pages->slots[slot].since = gshm_hold_began(gshm_now_ns(), 1);
  uint64_t next = gshm_word_free(generation) | (owner & GSHM_WORD_OWNER) | (shut ? GSHM_WORD_SHUT : 0);
  __atomic_store_n(word, next, __ATOMIC_RELEASE);
  return 0;
}

uint64_t gshm_lock_words_shut(struct gshm_lock_words *words, uint32_t slot) {
  return gshm_word_holder(__atomic_fetch_or(word_of(words, slot), GSHM_WORD_SHUT, __ATOMIC_ACQ_REL));
}

void gshm_lock_words_shut_between(struct gshm_lock_words *words, uint64_t from, uint64_t to) {
  const size_t first = offsetof(struct gshm_lock_pages, slots), size = sizeof(struct gshm_lock_slot);
  uint64_t slot = from > first ? (from - first) / size : 0;
  for (; slot < GSHM_LOCK_SLOTS && first + slot * size < to; slot++) {
    gshm_lock_words_shut(words, (uint32_t)slot);
    uint64_t *word = word_of(words, (uint32_t)slot);
    uint64_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    while ((now & GSHM_WORD_LINE) && gshm_word_holder(now) == 0) /* awaited: by the line neither */
      if (__atomic_compare_exchange_n(word, &now, now & ~(GSHM_WORD_OWNER | GSHM_WORD_LINE), false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE))
        break;
  }
}

uint64_t gshm_lock_words_owner(const struct gshm_lock_words *words, uint32_t slot) {
  return gshm_word_holder(__atomic_load_n(word_of(words, slot), __ATOMIC_ACQUIRE));
}

bool gshm_lock_words_look(const struct gshm_lock_words *words, uint32_t slot, uint64_t *owner) {
  uint64_t word = __atomic_load_n(word_of(words, slot), __ATOMIC_ACQUIRE);
  *owner = gshm_word_holder(word);
  return (word & GSHM_WORD_SHUT) != 0;
}

bool gshm_lock_words_take(struct gshm_lock_words *words, uint32_t slot, uint64_t owner) {
  uint64_t *word = word_of(words, slot);
  uint64_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  while ((now & GSHM_WORD_OWNER) == owner) {
    uint64_t next = (now & ~(GSHM_WORD_OWNER | GSHM_WORD_LINE)) | GSHM_WORD_SHUT;
    if (__atomic_compare_exchange_n(word, &now, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return true;
  }
  return false;
}

static bool swap(struct gshm_lock_words *words, uint32_t slot, uint64_t from, uint64_t to) {
  return __atomic_compare_exchange_n(word_of(words, slot), &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

bool gshm_lock_words_let_pass(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint32_t process) {
  uint64_t now = __atomic_load_n(word_of(words, slot), __ATOMIC_ACQUIRE), owner = gshm_word_holder(now);
  bool may = owner >> GSHM_WORD_HOLDER_BITS == process && !(owner & GSHM_WORD_ASYNC) &&
             now == (gshm_word_free(generation) | owner | GSHM_WORD_SHUT);
  return may && process != 0 && swap(words, slot, now, now | GSHM_WORD_LINE);
}

void gshm_lock_words_let_not_pass(struct gshm_lock_words *words, uint32_t slot) {
  uint64_t now = __atomic_load_n(word_of(words, slot), __ATOMIC_ACQUIRE);
  if ((now & GSHM_WORD_LINE) && gshm_word_holder(now) != 0) swap(words, slot, now, now & ~GSHM_WORD_LINE);
}

bool gshm_lock_words_passed(struct gshm_lock_words *words, uint32_t slot) {
  uint64_t now = __atomic_load_n(word_of(words, slot), __ATOMIC_ACQUIRE);
  bool passed = (now & GSHM_WORD_LINE) && (now & GSHM_WORD_OWNER) == 0;
  return passed && swap(words, slot, now, now & ~GSHM_WORD_LINE);
}

bool gshm_lock_words_await(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t turn) {
  uint64_t open = gshm_word_free(generation);
  return swap(words, slot, open | GSHM_WORD_SHUT, gshm_word_awaited(open, turn));
}

bool gshm_lock_words_await_not(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t turn) {
  uint64_t open = gshm_word_free(generation);
  return swap(words, slot, gshm_word_awaited(open, turn), open | GSHM_WORD_SHUT);
}

bool gshm_lock_words_open_to(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t owner) {
  uint64_t open = gshm_word_free(generation) | (owner & GSHM_WORD_OWNER);
  return swap(words, slot, open | GSHM_WORD_SHUT, open);
}

size_t gshm_lock_words_free(const struct gshm_lock_words *words, uint32_t end, uint32_t *slots, size_t room) {
  size_t count = 0;
  for (uint32_t slot = 0; slot < end && count < room; slot++) {
    uint64_t owner = 0;
    if (gshm_lock_words_look(words, slot, &owner) && owner == 0) slots[count++] = slot;
  }
  return count;
}

uint64_t gshm_lock_words_acquired(const struct gshm_lock_words *words, uint32_t slot) {
  return __atomic_load_n(&words->pages->slots[slot].acquired, __ATOMIC_RELAXED);
}

void gshm_lock_words_holds(const struct gshm_lock_words *words, uint32_t slot, uint32_t holds[GSHM_HOLD_BUCKETS]) {
  const uint32_t *from = words->pages->slots[slot].holds;
  for (unsigned i = 0; i < GSHM_HOLD_BUCKETS; i++) holds[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void gshm_lock_words_begin(struct gshm_lock_words *words, uint32_t slot) {
  struct gshm_lock_slot *at = &words->pages->slots[slot];
  __atomic_store_n(&at->acquired, 0, __ATOMIC_RELAXED);
  at->since = 0;
  memset(at->holds, 0, sizeof at->holds);
}

size_t gshm_lock_words_rung(struct gshm_lock_words *words, uint32_t end, uint32_t *slots, size_t room) {
  size_t count = 0;
  for (uint32_t at = 0; at < (end + 63) / 64 && count + 64 <= room; at++) {
    uint64_t *rung = &words->pages->rung[at];
    if (__atomic_load_n(rung, __ATOMIC_RELAXED) == 0) continue;
    for (uint64_t bits = __atomic_exchange_n(rung, 0, __ATOMIC_ACQ_REL); bits != 0; bits &= bits - 1)
      slots[count++] = at * 64 + (uint32_t)__builtin_ctzll(bits);
  }
  return count;
}

void gshm_lock_words_heard(struct gshm_lock_words *words, uint32_t slot) {
  __atomic_fetch_and(&words->pages->rung[slot / 64], ~(1ull << slot % 64), __ATOMIC_ACQ_REL);
}

void gshm_lock_words_unheard(struct gshm_lock_words *words, uint32_t slot) {
  __atomic_fetch_or(&words->pages->rung[slot / 64], 1ull << slot % 64, __ATOMIC_ACQ_REL);
}
