/* heap_pages.c: see heap_pages.h. */
#include "core/heap_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sealed_memfd.h"

#define TRIES 1000 /* of a compare-and-swap: whoever makes so many fail means ill */

int gshm_heap_pages_open(struct gshm_heap_pages *pages, const char *name, uint64_t chunks, uint32_t span_bytes) {
  *pages = (struct gshm_heap_pages){.fd = -1};
  bool power = span_bytes >= GSHM_SPAN_BYTES_MIN && (span_bytes & (span_bytes - 1)) == 0;
  if (!power || span_bytes > GSHM_SPAN_BYTES_MAX || chunks == 0 || chunks > UINT32_MAX) return -EINVAL;
  size_t length = (chunks * gshm_span_stride(span_bytes) + GSHM_PAGE_SIZE - 1) & ~(size_t)(GSHM_PAGE_SIZE - 1);
  int fd = gshm_sealed_memfd(name, length);
  if (fd < 0) return fd;
  void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (at == MAP_FAILED) {
    int error = -errno;
    close(fd);
    return error;
  }
  *pages = (struct gshm_heap_pages){
      .fd = fd, .records = at, .length = length, .chunks = chunks, .span_bytes = span_bytes};
  return 0;
}

void gshm_heap_pages_close(struct gshm_heap_pages *pages) {
  if (pages->fd < 0) return;
  munmap(pages->records, pages->length);
  close(pages->fd);
  *pages = (struct gshm_heap_pages){.fd = -1};
}

static struct gshm_span *span_of(const struct gshm_heap_pages *pages, uint64_t chunk) {
  return (struct gshm_span *)(pages->records + chunk * gshm_span_stride(pages->span_bytes));
}

/* Where the kernel has no memory for a record, storing there would end the daemon. */
static int reserve(const struct gshm_heap_pages *pages, uint64_t chunk) {
  size_t stride = gshm_span_stride(pages->span_bytes);
  int result;
  do result = fallocate(pages->fd, 0, (off_t)(chunk * stride), (off_t)stride);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : -errno;
}

/* The bits of word `at` that stand for no block. */
static uint32_t beyond(const struct gshm_heap_pages *pages, uint32_t class_number, uint32_t at) {
  uint32_t blocks = pages->span_bytes / gshm_span_size_of(class_number), first = at * 32;
  return blocks - first >= 32 ? 0 : UINT32_MAX << (blocks - first);
}

static void name(struct gshm_span *span, uint32_t class_plus_one, uint32_t generation, uint32_t owner) {
  __atomic_store_n(&span->generation, generation, __ATOMIC_RELAXED);
  __atomic_store_n(&span->owner, owner, __ATOMIC_RELAXED);
  __atomic_store_n(&span->class_plus_one, class_plus_one, __ATOMIC_RELEASE);
}

int gshm_heap_pages_give(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t generation,
                         uint32_t owner) {
  int error = reserve(pages, chunk);
  if (error != 0) return error;
  struct gshm_span *span = span_of(pages, chunk);
  for (uint32_t at = 0; at < gshm_span_words(class_number, pages->span_bytes); at++) {
    uint64_t word = (uint64_t)generation << 32 | beyond(pages, class_number, at);
    __atomic_store_n(&span->words[at], word, __ATOMIC_RELEASE);
  }
  name(span, class_number + 1, generation, owner);
  return 0;
}

void gshm_heap_pages_pass(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t generation,
                          uint32_t owner) {
  struct gshm_span *span = span_of(pages, chunk);
  for (uint32_t at = 0; at < gshm_span_words(class_number, pages->span_bytes); at++) {
    uint64_t now = __atomic_load_n(&span->words[at], __ATOMIC_RELAXED), next = now;
    for (int tries = TRIES; tries > 0; tries--) {
      next = (uint64_t)generation << 32 | (uint32_t)now | beyond(pages, class_number, at);
      if (__atomic_compare_exchange_n(&span->words[at], &now, next, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) break;
    }
  }
  name(span, class_number + 1, generation, owner);
}

bool gshm_heap_pages_seize(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t generation) {
  struct gshm_span *span = span_of(pages, chunk);
  if (gshm_heap_pages_count(pages, chunk, class_number) > 0) return false;
  uint32_t words = gshm_span_words(class_number, pages->span_bytes), taken = 0;
  uint64_t now = 0;
  for (; taken < words; taken++) {
    now = __atomic_load_n(&span->words[taken], __ATOMIC_RELAXED);
    if (((uint32_t)now & ~beyond(pages, class_number, taken)) != 0) break;
    /* In its own generation: should this come to nothing, its owner has taken it for full, not for lost. */
    uint64_t full = now | UINT32_MAX;
    if (!__atomic_compare_exchange_n(&span->words[taken], &now, full, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) break;
  }
  if (taken == words) {
    name(span, 0, generation, 0);
    for (uint32_t at = 0; at < words; at++)
      __atomic_store_n(&span->words[at], (uint64_t)generation << 32 | UINT32_MAX, __ATOMIC_RELEASE);
    return true;
  }
  uint64_t old = now & ~(uint64_t)UINT32_MAX; /* the owner's generation: its owner was quicker */
  for (uint32_t at = 0; at < taken; at++)
    __atomic_store_n(&span->words[at], old | beyond(pages, class_number, at), __ATOMIC_RELEASE);
  return false;
}

uint32_t gshm_heap_pages_count(const struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number) {
  const struct gshm_span *span = span_of(pages, chunk);
  uint32_t count = 0;
  for (uint32_t at = 0; at < gshm_span_words(class_number, pages->span_bytes); at++) {
    uint32_t bits = (uint32_t)__atomic_load_n(&span->words[at], __ATOMIC_ACQUIRE);
    count += (uint32_t)__builtin_popcount(bits & ~beyond(pages, class_number, at));
  }
  return count;
}

/* The block's word and bit; false: no block begins there. */
static bool find(const struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t offset,
                 uint64_t **word, uint64_t *bit) {
  uint32_t block = gshm_span_block_at(class_number, offset);
  if (block >= pages->span_bytes / gshm_span_size_of(class_number)) return false;
  *word = &span_of(pages, chunk)->words[block / 32];
  *bit = 1ull << block % 32;
  return true;
}

bool gshm_heap_pages_free(struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t offset) {
  uint64_t *word, bit;
  if (!find(pages, chunk, class_number, offset, &word, &bit)) return false;
  return (__atomic_fetch_and(word, ~bit, __ATOMIC_ACQ_REL) & bit) != 0;
}

bool gshm_heap_pages_look(const struct gshm_heap_pages *pages, uint64_t chunk, uint32_t class_number, uint32_t offset) {
  uint64_t *word, bit;
  return find(pages, chunk, class_number, offset, &word, &bit) && (__atomic_load_n(word, __ATOMIC_ACQUIRE) & bit) != 0;
}
