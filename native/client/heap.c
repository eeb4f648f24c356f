/* heap.c: blocks in a segment. Small ones come from spans of this process (spans.c); of others the daemon
 * decides where. Only a realloc that moves copies, here. */
#include "abi/heap_pages.h"
#include "client/process.h"

#define OFFSET_MASK ((1ull << GSHM_OFFSET_BITS) - 1)
#define NO_BLOCK UINT64_MAX

static int not_allocated(const gshm_segment *s, uint64_t offset) {
  return gshm_fail(GSHM_E_NOT_ALLOCATED, "offset %llu of segment %u is not the start of an allocated block",
                   (unsigned long long)offset, s->id);
}

static int check_block(const gshm_segment *s, gshm_addr block, const char *what) {
  if (!s) return gshm_fail(GSHM_E_INVALID, "%s: the segment is NULL", what);
  if (block >> GSHM_OFFSET_BITS == s->id) return 0;
  return gshm_fail(GSHM_E_NOT_ALLOCATED, "%s: 0x%llx is not an address in segment %u", what,
                   (unsigned long long)block, s->id);
}

static int check_size(const gshm_segment *s, uint64_t size, const char *what) {
  if (s && size > 0) return 0;
  return s ? gshm_fail(GSHM_E_INVALID, "%s: size 0", what) : gshm_fail(GSHM_E_INVALID, "%s: the segment is NULL", what);
}

static gshm_addr address_of(const gshm_segment *s, const struct gshm_exchange *x, const struct gshm_block_reply *reply) {
  return gshm_request(x) == 0 ? gshm_at(s, reply->offset) : 0;
}

static gshm_addr ask_block(const gshm_segment *s, uint64_t size) {
  struct gshm_alloc_request body = {.segment = s->id, .size = size};
  struct gshm_block_reply reply;
  struct gshm_exchange x = {
      .op = GSHM_OP_ALLOC, .body = &body, .body_size = sizeof body, .reply = &reply, .reply_size = sizeof reply};
  return address_of(s, &x, &reply);
}

/* @param size of the block, 1 or more, or what its class must have */
static gshm_addr alloc_small(gshm_segment *s, uint64_t size, bool *small) {
  *small = false;
  if (size > GSHM_SPAN_BLOCK_MAX) return 0;
  struct gshm_heap *heap = gshm_heap_of(s);
  if (!heap || size > gshm_heap_block_max(heap)) return 0;
  uint64_t offset = gshm_span_alloc(s, heap, size);
  *small = offset != NO_BLOCK;
  return *small ? gshm_at(s, offset) : 0;
}

gshm_addr gshm_alloc(gshm_segment *s, uint64_t size) {
  if (check_size(s, size, "gshm_alloc") != 0) return 0;
  bool small;
  gshm_addr block = alloc_small(s, size, &small);
  return small ? block : ask_block(s, size);
}

static bool is_power(uint64_t number) { return number != 0 && (number & (number - 1)) == 0; }

gshm_addr gshm_alloc_with(gshm_segment *s, uint64_t size, const gshm_alloc_options *options) {
  if (!options) return gshm_alloc(s, size);
  if (check_size(s, size, "gshm_alloc_with") != 0) return 0;
  uint64_t align = options->align;
  if (align != 0 && !is_power(align)) {
    gshm_fail(GSHM_E_INVALID, "gshm_alloc_with: align is %llu: it must be a power of two", (unsigned long long)align);
    return 0;
  }
  if (options->home < 0 || options->home > UINT32_MAX) {
    gshm_fail(GSHM_E_INVALID, "gshm_alloc_with: home is %lld: it must be the number of a node",
              (long long)(options->home - (options->home > 0)));
    return 0;
  }
  /* A power of two in a span is aligned to itself. */
  uint64_t rounded = align <= 16 ? size : align;
  while (align > 16 && rounded < size && rounded <= GSHM_SPAN_BLOCK_MAX) rounded *= 2;
  bool small = false;
  gshm_addr block = options->home || options->apart ? 0 : alloc_small(s, rounded, &small);
  if (small) return block;
  struct gshm_alloc_with_request body = {.segment = s->id,
                                         .flags = options->apart ? GSHM_ALLOC_APART : 0,
                                         .size = size,
                                         .align = align,
                                         .home = (uint32_t)options->home};
  struct gshm_block_reply reply;
  struct gshm_exchange x = {
      .op = GSHM_OP_ALLOC_WITH, .body = &body, .body_size = sizeof body, .reply = &reply, .reply_size = sizeof reply};
  return address_of(s, &x, &reply);
}

static int ask_free(const gshm_segment *s, uint64_t offset) {
  struct gshm_free_request body = {.segment = s->id, .offset = offset};
  struct gshm_exchange x = {.op = GSHM_OP_FREE, .body = &body, .body_size = sizeof body};
  return gshm_request(&x);
}

static int free_at(gshm_segment *s, uint64_t offset) {
  struct gshm_heap *heap = gshm_heap_of(s);
  switch (heap ? gshm_span_free(heap, offset) : GSHM_SPAN_NONE) {
    case GSHM_SPAN_FREED: return 0;
    case GSHM_SPAN_NOT_ALLOCATED: return not_allocated(s, offset);
    default: return ask_free(s, offset);
  }
}

int gshm_free(gshm_segment *s, gshm_addr block) {
  return check_block(s, block, "gshm_free") == 0 ? free_at(s, block & OFFSET_MASK) : -1;
}

/* Where a block of the new size is that the old one's bytes belong into; the old one's usable bytes. 0, or -1. */
static int replace(gshm_segment *s, uint64_t old, uint64_t size, struct gshm_block_reply *found) {
  struct gshm_heap *heap = gshm_heap_of(s);
  bool none = true;
  uint32_t usable = heap ? gshm_span_usable(heap, old, &none) : 0;
  if (none) {
    struct gshm_realloc_request body = {.segment = s->id, .offset = old, .size = size};
    struct gshm_exchange x = {
        .op = GSHM_OP_REALLOC, .body = &body, .body_size = sizeof body, .reply = found, .reply_size = sizeof *found};
    return gshm_request(&x);
  }
  if (usable == 0) return not_allocated(s, old);
  *found = (struct gshm_block_reply){.offset = old, .size = usable, .old_size = usable};
  if (size <= usable && size > usable / 2) return 0;
  gshm_addr block = gshm_alloc(s, size);
  if (block == 0) return -1;
  found->offset = block & OFFSET_MASK;
  found->size = size;
  return 0;
}

gshm_addr gshm_realloc(gshm_segment *s, gshm_addr block, uint64_t size) {
  if (check_block(s, block, "gshm_realloc") != 0) return 0;
  if (size == 0) {
    gshm_fail(GSHM_E_INVALID, "gshm_realloc: size 0 (gshm_free frees)");
    return 0;
  }
  uint64_t old = block & OFFSET_MASK;
  struct gshm_block_reply reply;
  if (replace(s, old, size, &reply) != 0) return 0;
  if (reply.offset == old) return block;
  uint64_t length = reply.old_size < reply.size ? reply.old_size : reply.size;
  if (!gshm_view_copy(s->id, reply.offset, old, length, true) ||
      !gshm_view_copy(s->id, reply.offset, old, length, false)) {
    free_at(s, reply.offset);
    gshm_fail(GSHM_E_NOT_MAPPED,
              "gshm_realloc: the block must move, and this process has no view of the old or the new place");
    return 0;
  }
  /* It was allocated a moment ago: only the loss of the daemon or of the block's node makes this fail. */
  if (free_at(s, old) != 0) return 0;
  return gshm_at(s, reply.offset);
}
