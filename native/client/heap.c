/* heap.c: blocks in a segment. The daemon decides where; only a realloc that moves copies here. */
#include "client/process.h"

#define OFFSET_MASK ((1ull << GSHM_OFFSET_BITS) - 1)

static int check_block(const gshm_segment *s, gshm_addr block, const char *what) {
  if (!s) return gshm_fail(GSHM_E_INVALID, "%s: the segment is NULL", what);
  if (block >> GSHM_OFFSET_BITS == s->id) return 0;
  return gshm_fail(GSHM_E_NOT_ALLOCATED, "%s: 0x%llx is not an address in segment %u", what,
                   (unsigned long long)block, s->id);
}

gshm_addr gshm_alloc(gshm_segment *s, uint64_t size) {
  if (!s || size == 0) {
    gshm_fail(GSHM_E_INVALID, s ? "gshm_alloc: size 0" : "gshm_alloc: the segment is NULL");
    return 0;
  }
  struct gshm_alloc_request body = {.segment = s->id, .size = size};
  struct gshm_block_reply reply;
  struct gshm_exchange x = {
      .op = GSHM_OP_ALLOC, .body = &body, .body_size = sizeof body, .reply = &reply, .reply_size = sizeof reply};
  return gshm_request(&x) == 0 ? gshm_at(s, reply.offset) : 0;
}

static int free_at(const gshm_segment *s, uint64_t offset) {
  struct gshm_free_request body = {.segment = s->id, .offset = offset};
  struct gshm_exchange x = {.op = GSHM_OP_FREE, .body = &body, .body_size = sizeof body};
  return gshm_request(&x);
}

int gshm_free(gshm_segment *s, gshm_addr block) {
  return check_block(s, block, "gshm_free") == 0 ? free_at(s, block & OFFSET_MASK) : -1;
}

gshm_addr gshm_realloc(gshm_segment *s, gshm_addr block, uint64_t size) {
  if (check_block(s, block, "gshm_realloc") != 0) return 0;
  if (size == 0) {
    gshm_fail(GSHM_E_INVALID, "gshm_realloc: size 0 (gshm_free frees)");
    return 0;
  }
  uint64_t old = block & OFFSET_MASK;
  struct gshm_realloc_request body = {.segment = s->id, .offset = old, .size = size};
  struct gshm_block_reply reply;
  struct gshm_exchange x = {
      .op = GSHM_OP_REALLOC, .body = &body, .body_size = sizeof body, .reply = &reply, .reply_size = sizeof reply};
  if (gshm_request(&x) != 0) return 0;
  if (reply.offset == old) return block;
  uint64_t length = reply.old_size < reply.size ? reply.old_size : reply.size;
  if (!gshm_view_copy(s->id, reply.offset, old, length, true) ||
      !gshm_view_copy(s->id, reply.offset, old, length, false)) {
    free_at(s, reply.offset);
    gshm_fail(GSHM_E_NOT_MAPPED,
              "gshm_realloc: the block must move, and this process has no view of the old or the new place");
    return 0;
  }
  /* It was allocated a moment ago: only the loss of the daemon or the heap's node makes this fail. */
  if (free_at(s, old) != 0) return 0;
  return gshm_at(s, reply.offset);
}
