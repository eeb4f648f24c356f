/* sync.c: barriers across the cluster, acquire and release by themselves. A waiting thread waits in its own
 * connection. */
#include "client/lock.h"
#include "client/process.h"

_Static_assert(GSHM_BARRIER_CENTRAL == GSHM_BARRIER_SHAPE_CENTRAL && GSHM_BARRIER_TREE == GSHM_BARRIER_SHAPE_TREE,
               "gshm.h has the ABI's shapes of barriers");

int gshm_barrier_as(gshm_key key, uint32_t count, unsigned flags, int64_t timeout_ns, struct gshm_cancel *cancel) {
  if (count == 0) return gshm_fail(GSHM_E_INVALID, "gshm_barrier_wait: count 0");
  if (flags != 0 && flags != GSHM_BARRIER_CENTRAL && flags != GSHM_BARRIER_TREE)
    return gshm_fail(GSHM_E_INVALID, "gshm_barrier_wait: flags 0x%x: 0, GSHM_BARRIER_CENTRAL or GSHM_BARRIER_TREE", flags);
  struct gshm_barrier_request body = {.count = count, .flags = flags | (timeout_ns == 0 ? GSHM_BARRIER_TRY : 0)};
  struct gshm_exchange x = {.op = GSHM_OP_BARRIER, .body = &body, .body_size = sizeof body, .waits = true, .cancel = cancel};
  if (gshm_set_patience(&x, timeout_ns, "gshm_barrier") != 0) return -1;
  return gshm_key_frame_of(&body.key, key, "gshm_barrier") != 0 ? -1 : gshm_request(&x);
}

int gshm_barrier_wait(gshm *g, gshm_key key, uint32_t count, unsigned flags, int64_t timeout_ns) {
  return gshm_check(g) != 0 ? -1 : gshm_barrier_as(key, count, flags, timeout_ns, NULL);
}

int gshm_barrier(gshm *g, const char *name, uint32_t count) {
  return gshm_barrier_wait(g, gshm_named(name), count, 0, GSHM_FOREVER);
}

int gshm_barrier_n(gshm *g, uint64_t number, uint32_t count) {
  return gshm_barrier_wait(g, gshm_numbered(number), count, 0, GSHM_FOREVER);
}

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
