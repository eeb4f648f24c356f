/* sync.c: acquire and release by themselves. */
#include "client/process.h"

static int range_request(uint16_t op, uint32_t segment, uint64_t offset, uint64_t length) {
  struct gshm_range_request body = {.segment = segment, .offset = offset, .length = length};
  struct gshm_exchange x = {.op = op, .body = &body, .body_size = sizeof body};
  return gshm_request(&x);
}

static int range(uint16_t op, const gshm_segment *s, uint64_t offset, uint64_t length, const char *what) {
  if (!s) return gshm_fail(GSHM_E_INVALID, "%s: the segment is NULL", what);
  if (gshm_check(&gshm_self) != 0) return -1;
  if (offset >= s->max_size || length > s->max_size - offset)
    return gshm_fail(GSHM_E_BEYOND_END, "%s: offset %llu, length %llu end beyond the segment's %llu bytes", what,
                     (unsigned long long)offset, (unsigned long long)length, (unsigned long long)s->max_size);
  return s->lazy ? range_request(op, s->id, offset, length) : 0;
}

int gshm_acquire(const gshm_segment *s, uint64_t offset, uint64_t length) {
  return range(GSHM_OP_ACQUIRE, s, offset, length, "gshm_acquire");
}

int gshm_release(const gshm_segment *s, uint64_t offset, uint64_t length) {
  return range(GSHM_OP_RELEASE, s, offset, length, "gshm_release");
}

int gshm_release_all(void) { return range_request(GSHM_OP_RELEASE, 0, 0, 0); }
