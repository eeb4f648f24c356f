/* sync.c: locks and barriers across the cluster, acquire and release by themselves. A waiting thread waits
 * in its own connection. */
#include <unistd.h>

#include "client/process.h"

int gshm_key_name(struct gshm_key *key, const char *name) {
  *key = (struct gshm_key){.kind = GSHM_KEY_NAME};
  return gshm_copy_name(key->name, name, "lock or barrier");
}

void gshm_key_number(struct gshm_key *key, uint64_t number) {
  *key = (struct gshm_key){.kind = GSHM_KEY_NUMBER, .number = number};
}

static int lock_request(uint16_t op, const struct gshm_key *key, uint64_t holder) {
  struct gshm_lock_request body = {.key = *key, .holder = holder};
  struct gshm_exchange x = {.op = op, .body = &body, .body_size = sizeof body};
  return gshm_request(&x);
}

int gshm_lock_key(const struct gshm_key *key, uint64_t holder) { return lock_request(GSHM_OP_LOCK, key, holder); }
int gshm_unlock_key(const struct gshm_key *key, uint64_t holder) { return lock_request(GSHM_OP_UNLOCK, key, holder); }

int gshm_barrier_key(const struct gshm_key *key, uint32_t count) {
  if (count == 0) return gshm_fail(GSHM_E_INVALID, "gshm_barrier: count 0");
  struct gshm_barrier_request body = {.key = *key, .count = count};
  struct gshm_exchange x = {.op = GSHM_OP_BARRIER, .body = &body, .body_size = sizeof body};
  return gshm_request(&x);
}

static uint64_t this_thread(void) { return (uint64_t)gettid(); }

int gshm_lock(gshm *g, const char *name) {
  struct gshm_key key;
  if (gshm_check(g) != 0 || gshm_key_name(&key, name) != 0) return -1;
  return gshm_lock_key(&key, this_thread());
}

int gshm_unlock(gshm *g, const char *name) {
  struct gshm_key key;
  if (gshm_check(g) != 0 || gshm_key_name(&key, name) != 0) return -1;
  return gshm_unlock_key(&key, this_thread());
}

int gshm_lock_n(gshm *g, uint64_t number) {
  struct gshm_key key;
  if (gshm_check(g) != 0) return -1;
  gshm_key_number(&key, number);
  return gshm_lock_key(&key, this_thread());
}

int gshm_unlock_n(gshm *g, uint64_t number) {
  struct gshm_key key;
  if (gshm_check(g) != 0) return -1;
  gshm_key_number(&key, number);
  return gshm_unlock_key(&key, this_thread());
}

int gshm_barrier(gshm *g, const char *name, uint32_t count) {
  struct gshm_key key;
  if (gshm_check(g) != 0 || gshm_key_name(&key, name) != 0) return -1;
  return gshm_barrier_key(&key, count);
}

int gshm_barrier_n(gshm *g, uint64_t number, uint32_t count) {
  struct gshm_key key;
  if (gshm_check(g) != 0) return -1;
  gshm_key_number(&key, number);
  return gshm_barrier_key(&key, count);
}

static int range_request(uint16_t op, uint32_t segment, uint64_t offset, uint64_t length) {
  struct gshm_range_request body = {.segment = segment, .offset = offset, .length = length};
  struct gshm_exchange x = {.op = op, .body = &body, .body_size = sizeof body};
  return gshm_request(&x);
}

static int range(uint16_t op, const gshm_segment *s, uint64_t offset, uint64_t length, const char *what) {
  if (!s) return gshm_fail(GSHM_E_INVALID, "%s: the segment is NULL", what);
  if (gshm_check(&gshm_self) != 0) return -1;
  if (offset >= s->size || length > s->size - offset)
    return gshm_fail(GSHM_E_BEYOND_END, "%s: offset %llu, length %llu end beyond the segment's %llu bytes", what,
                     (unsigned long long)offset, (unsigned long long)length, (unsigned long long)s->size);
  return s->lazy ? range_request(op, s->id, offset, length) : 0;
}

int gshm_acquire(const gshm_segment *s, uint64_t offset, uint64_t length) {
  return range(GSHM_OP_ACQUIRE, s, offset, length, "gshm_acquire");
}

int gshm_release(const gshm_segment *s, uint64_t offset, uint64_t length) {
  return range(GSHM_OP_RELEASE, s, offset, length, "gshm_release");
}

int gshm_release_all(void) { return range_request(GSHM_OP_RELEASE, 0, 0, 0); }
