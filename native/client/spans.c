/* spans.c: small blocks, without asking anybody. See abi/heap_pages.h.
 *
 * Each thread allocates from a span of its own for each size, as long as there is room: threads are spread over
 * SHARDS, and a shard remembers the span that it used last. When that is full, another span of this process is
 * looked for, LOOKS of them, then the daemon is asked for one more. Two threads of a shard, and a thread that was
 * stopped in between, are in nobody's way: what decides is the compare-and-swap, here as in other processes. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/heap_pages.h"
#include "client/process.h"

#define SHARDS 16
#define LOOKS 8 /* spans that are looked at before the daemon is asked for one more */

/* generation << 32 | chunk: a span as it was when this process got it. 0: none. */
typedef uint64_t span_name;

struct spans { /* of one size, that this process owns */
  span_name *names;
  size_t count, room, next;
};

struct shard {
  _Atomic span_name span;
  _Atomic uint32_t word; /* where it found room last */
};

struct gshm_heap {
  unsigned char *records; /* NULL: no spans */
  size_t length, stride;
  uint64_t chunks;
  uint32_t span_bytes, shift, block_max;
  pthread_mutex_t lock; /* never held while the daemon is asked */
  struct spans owned[GSHM_SPAN_CLASSES];
  struct shard shards[SHARDS][GSHM_SPAN_CLASSES];
};

uint32_t gshm_heap_block_max(const struct gshm_heap *heap) { return heap->block_max; }

static struct gshm_heap *make(const struct gshm_heap_reply *reply, int memfd) {
  struct gshm_heap *heap = calloc(1, sizeof *heap);
  if (!heap) {
    gshm_fail_system("malloc", ENOMEM);
    return NULL;
  }
  pthread_mutex_init(&heap->lock, NULL);
  if (reply->chunks == 0 || memfd < 0) return heap;
  heap->stride = gshm_span_stride(reply->span_bytes);
  heap->length = (reply->chunks * heap->stride + GSHM_PAGE_SIZE - 1) & ~(size_t)(GSHM_PAGE_SIZE - 1);
  void *at = mmap(NULL, heap->length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memfd, 0);
  if (at == MAP_FAILED) {
    gshm_fail_system("mmap", errno);
    free(heap);
    return NULL;
  }
  heap->records = at;
  heap->chunks = reply->chunks;
  heap->span_bytes = reply->span_bytes;
  heap->shift = (uint32_t)__builtin_ctz(reply->span_bytes);
  heap->block_max = reply->span_bytes / GSHM_SPAN_LEAST_BLOCKS;
  if (heap->block_max > GSHM_SPAN_BLOCK_MAX) heap->block_max = GSHM_SPAN_BLOCK_MAX;
  return heap;
}

struct gshm_heap *gshm_heap_of(struct gshm_segment *s) {
  struct gshm_heap *heap = __atomic_load_n(&s->heap, __ATOMIC_ACQUIRE);
  if (heap) return heap;
  pthread_mutex_lock(&gshm_self.segments_lock);
  heap = s->heap;
  if (!heap) {
    int memfd = -1;
    struct gshm_heap_request body = {.segment = s->id};
    struct gshm_heap_reply reply = {0};
    struct gshm_exchange x = {.op = GSHM_OP_HEAP,
                              .body = &body,
                              .body_size = sizeof body,
                              .reply = &reply,
                              .reply_size = sizeof reply,
                              .received = &memfd,
                              .may_lack = true};
    if (gshm_request(&x) == 0) heap = make(&reply, memfd);
    int error = errno;
    if (memfd >= 0) close(memfd);
    errno = error;
    __atomic_store_n(&s->heap, heap, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&gshm_self.segments_lock);
  return heap;
}

void gshm_heap_forget(struct gshm_heap *heap) {
  if (!heap) return;
  if (heap->records) munmap(heap->records, heap->length);
  for (unsigned i = 0; i < GSHM_SPAN_CLASSES; i++) free(heap->owned[i].names);
  pthread_mutex_destroy(&heap->lock);
  free(heap);
}

static struct gshm_span *span_at(const struct gshm_heap *heap, uint64_t chunk) {
  return (struct gshm_span *)(heap->records + chunk * heap->stride);
}

enum taken { TAKEN, FULL, GONE };

/* Looks for room from word *hint on, all round. */
static enum taken take(const struct gshm_heap *heap, uint32_t class_number, span_name span, _Atomic uint32_t *hint,
                       uint64_t *offset) {
  uint32_t chunk = (uint32_t)span, generation = (uint32_t)(span >> 32);
  uint32_t words = gshm_span_words(class_number, heap->span_bytes);
  uint32_t first = atomic_load_explicit(hint, memory_order_relaxed), at = first < words ? first : 0;
  uint64_t *bits = span_at(heap, chunk)->words;
  for (uint32_t looked = 0; looked < words; looked++, at = at + 1 < words ? at + 1 : 0) {
    uint64_t now = __atomic_load_n(&bits[at], __ATOMIC_RELAXED);
    for (;;) {
      if (now >> 32 != generation) return GONE;
      uint32_t room = ~(uint32_t)now;
      if (room == 0) break;
      uint32_t bit = (uint32_t)__builtin_ctz(room);
      if (!__atomic_compare_exchange_n(&bits[at], &now, now | 1ull << bit, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        continue;
      if (at != first) atomic_store_explicit(hint, at, memory_order_relaxed);
      *offset = ((uint64_t)chunk << heap->shift) + (at * 32 + bit) * gshm_span_size_of(class_number);
      return TAKEN;
    }
  }
  return FULL;
}

/* Makes the span the shard's, if it has room; under the heap's lock. */
static enum taken adopt(const struct gshm_heap *heap, uint32_t class_number, span_name span, struct shard *shard,
                        uint64_t *offset) {
  _Atomic uint32_t word = 0;
  enum taken taken = take(heap, class_number, span, &word, offset);
  if (taken != TAKEN) return taken;
  atomic_store_explicit(&shard->span, span, memory_order_relaxed);
  atomic_store_explicit(&shard->word, atomic_load_explicit(&word, memory_order_relaxed), memory_order_relaxed);
  return TAKEN;
}

/* Looks at spans that this process owns, at most so many. */
static bool look_round(struct gshm_heap *heap, uint32_t class_number, size_t looks, struct shard *shard,
                       uint64_t *offset) {
  struct spans *owned = &heap->owned[class_number];
  bool found = false;
  pthread_mutex_lock(&heap->lock);
  if (looks > owned->count) looks = owned->count;
  for (; looks > 0 && !found && owned->count > 0; looks--) {
    if (owned->next >= owned->count) owned->next = 0;
    enum taken taken = adopt(heap, class_number, owned->names[owned->next], shard, offset);
    if (taken == GONE) owned->names[owned->next] = owned->names[--owned->count];
    else owned->next++;
    found = taken == TAKEN;
  }
  pthread_mutex_unlock(&heap->lock);
  return found;
}

/* A span that cannot be remembered for want of memory is used up and then left to its daemon. */
static void own(struct gshm_heap *heap, uint32_t class_number, span_name span) {
  struct spans *owned = &heap->owned[class_number];
  pthread_mutex_lock(&heap->lock);
  if (owned->count == owned->room) {
    size_t room = owned->room ? owned->room * 2 : 8;
    span_name *grown = realloc(owned->names, room * sizeof *grown);
    if (grown) {
      owned->names = grown;
      owned->room = room;
    }
  }
  if (owned->count < owned->room) owned->names[owned->count++] = span;
  pthread_mutex_unlock(&heap->lock);
}

static span_name ask(const struct gshm_segment *s, const struct gshm_heap *heap, uint32_t class_number) {
  struct gshm_span_request body = {.segment = s->id, .class_number = class_number};
  struct gshm_span_reply reply = {0};
  struct gshm_exchange x = {
      .op = GSHM_OP_SPAN, .body = &body, .body_size = sizeof body, .reply = &reply, .reply_size = sizeof reply};
  if (gshm_request(&x) != 0 || reply.generation == 0 || reply.chunk >= heap->chunks) return 0;
  return (span_name)reply.generation << 32 | reply.chunk;
}

static uint64_t alloc_slowly(const struct gshm_segment *s, struct gshm_heap *heap, uint32_t class_number,
                             struct shard *shard) {
  uint64_t offset;
  /* Another thread of the shard may use up what was just got: then it makes progress. */
  for (;;) {
    if (look_round(heap, class_number, LOOKS, shard, &offset)) return offset;
    span_name span = ask(s, heap, class_number);
    if (span == 0) return look_round(heap, class_number, SIZE_MAX, shard, &offset) ? offset : UINT64_MAX;
    own(heap, class_number, span);
    if (adopt(heap, class_number, span, shard, &offset) == TAKEN) return offset;
  }
}

static struct shard *shard_of(struct gshm_heap *heap, uint32_t class_number) {
  static _Atomic uint32_t threads;
  static _Thread_local uint32_t thread; /* from 1 */
  if (thread == 0) thread = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % SHARDS + 1;
  return &heap->shards[thread - 1][class_number];
}

uint64_t gshm_span_alloc(const struct gshm_segment *s, struct gshm_heap *heap, uint64_t size) {
  uint32_t class_number = gshm_span_class_of(size);
  struct shard *shard = shard_of(heap, class_number);
  span_name span = atomic_load_explicit(&shard->span, memory_order_relaxed);
  uint64_t offset;
  if (span != 0 && take(heap, class_number, span, &shard->word, &offset) == TAKEN) return offset;
  return alloc_slowly(s, heap, class_number, shard);
}

/* The block that begins at the offset: its class plus one and its place in the bitmap; 0: in no span of this node. */
static uint32_t find(const struct gshm_heap *heap, uint64_t offset, uint64_t **word, uint32_t *block) {
  uint64_t chunk = offset >> heap->shift;
  if (chunk >= heap->chunks) return 0;
  struct gshm_span *span = span_at(heap, chunk);
  uint32_t named = __atomic_load_n(&span->class_plus_one, __ATOMIC_ACQUIRE);
  if (named == 0 || named > GSHM_SPAN_CLASSES) return 0;
  *block = gshm_span_block_at(named - 1, (uint32_t)offset & (heap->span_bytes - 1));
  if (*block >= heap->span_bytes / gshm_span_size_of(named - 1)) *block = UINT32_MAX;
  else *word = &span->words[*block / 32];
  return named;
}

enum gshm_span_free gshm_span_free(const struct gshm_heap *heap, uint64_t offset) {
  uint64_t *word;
  uint32_t block;
  if (!heap->records || find(heap, offset, &word, &block) == 0) return GSHM_SPAN_NONE;
  if (block == UINT32_MAX) return GSHM_SPAN_NOT_ALLOCATED;
  uint64_t bit = 1ull << block % 32;
  return __atomic_fetch_and(word, ~bit, __ATOMIC_RELEASE) & bit ? GSHM_SPAN_FREED : GSHM_SPAN_NOT_ALLOCATED;
}

uint32_t gshm_span_usable(const struct gshm_heap *heap, uint64_t offset, bool *none) {
  uint64_t *word;
  uint32_t block, named = heap->records ? find(heap, offset, &word, &block) : 0;
  *none = named == 0;
  if (named == 0 || block == UINT32_MAX) return 0;
  bool allocated = (__atomic_load_n(word, __ATOMIC_ACQUIRE) & 1ull << block % 32) != 0;
  return allocated ? gshm_span_size_of(named - 1) : 0;
}

static void each_heap(void (*act)(struct gshm_heap *)) {
  for (struct gshm_segment *s = gshm_self.segments; s; s = s->next) {
    if (s->heap) act(s->heap);
  }
}

static void lock(struct gshm_heap *heap) { pthread_mutex_lock(&heap->lock); }
static void unlock(struct gshm_heap *heap) { pthread_mutex_unlock(&heap->lock); }
static void disown(struct gshm_heap *heap) {
  pthread_mutex_init(&heap->lock, NULL);
  for (unsigned i = 0; i < GSHM_SPAN_CLASSES; i++) heap->owned[i].count = 0;
  memset(heap->shards, 0, sizeof heap->shards);
}

void gshm_heap_fork_prepare(void) { each_heap(lock); }
void gshm_heap_fork_parent(void) { each_heap(unlock); }
void gshm_heap_fork_child(void) { each_heap(disown); }
