/* barrier.c: barriers across the cluster. A thread that waits does so in a connection of its own, or meets the others
 * by itself (direct.h). */
#include "client/direct.h"
#include "client/lock.h"
#include "client/process.h"

_Static_assert(GSHM_BARRIER_CENTRAL == GSHM_BARRIER_SHAPE_CENTRAL && GSHM_BARRIER_TREE == GSHM_BARRIER_SHAPE_TREE,
               "gshm.h has the ABI's shapes of barriers");

static int ask(struct gshm_barrier_request *body, int64_t timeout_ns, struct gshm_cancel *cancel) {
  struct gshm_barrier_reply reply;
  int fds[GSHM_DIRECT_MAX];
  unsigned fd_count = 0;
  struct gshm_exchange x = {.op = GSHM_OP_BARRIER,
                            .body = body,
                            .body_size = sizeof *body,
                            .reply = &reply,
                            .reply_size = sizeof reply,
                            .received = fds,
                            .received_max = GSHM_DIRECT_MAX,
                            .received_count = &fd_count,
                            .waits = true,
                            .cancel = cancel};
  if (gshm_set_patience(&x, timeout_ns, "gshm_barrier") != 0 || gshm_request(&x) != 0) return -1;
  if (reply.number != 0) gshm_direct_begin(&body->key, body->count, &reply, fds, fd_count);
  return 0;
}

/* Of a barrier at an address whose segment has been closed the daemon says so. */
static bool is_open(gshm_key key) {
  return key.kind != GSHM_BY_ADDRESS || gshm_segment_find((uint32_t)(key.number >> GSHM_OFFSET_BITS));
}

int gshm_barrier_as(gshm_key key, uint32_t count, unsigned flags, int64_t timeout_ns, struct gshm_cancel *cancel) {
  if (count == 0) return gshm_fail(GSHM_E_INVALID, "gshm_barrier_wait: count 0");
  if (flags != 0 && flags != GSHM_BARRIER_CENTRAL && flags != GSHM_BARRIER_TREE)
    return gshm_fail(GSHM_E_INVALID, "gshm_barrier_wait: flags 0x%x: 0, GSHM_BARRIER_CENTRAL or GSHM_BARRIER_TREE", flags);
  struct gshm_barrier_request body = {.count = count, .flags = flags | (timeout_ns == 0 ? GSHM_BARRIER_TRY : 0)};
  if (gshm_key_frame_of(&body.key, key, "gshm_barrier") != 0) return -1;
  if (flags == 0 && timeout_ns == GSHM_FOREVER && !cancel && is_open(key)) {
    if (gshm_direct_meet(&body.key, count, &body.parted)) return 0;
    body.flags |= GSHM_BARRIER_DIRECT;
  }
  return ask(&body, timeout_ns, cancel);
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
