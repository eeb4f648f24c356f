/* objects.c: reader-writer locks, semaphores, conditions, counters, and waits at words of segments.
 *
 * They live at their key's manager, so each call is a request to the daemon; what is asked of what says
 * ts/base/objects.ts. A wait has three steps, so that no notify slips past it: the thread is known as one who waits,
 * then it gives its mutex back or looks at the word, then it sleeps or lets it be. */
#include <stdbool.h>
#include <unistd.h>

#include "client/lock.h"
#include "client/objects.h"
#include "client/process.h"

_Static_assert((int)GSHM_RWLOCK == (int)GSHM_OBJECT_RWLOCK && (int)GSHM_SEMAPHORE == (int)GSHM_OBJECT_SEMAPHORE &&
                   (int)GSHM_CONDITION == (int)GSHM_OBJECT_CONDITION && (int)GSHM_COUNTER == (int)GSHM_OBJECT_COUNTER,
               "gshm.h has the ABI's kinds of objects");

static bool may_wait(enum gshm_object_deed deed) {
  return deed == GSHM_DEED_READ || deed == GSHM_DEED_WRITE || deed == GSHM_DEED_TAKE || deed == GSHM_DEED_SLEEP;
}

int gshm_object(const struct gshm_object_ask *ask, int64_t timeout_ns, struct gshm_cancel *cancel, int64_t *answer) {
  if (gshm_check(&gshm_self) != 0) return -1;
  struct gshm_object_request body = {.kind = ask->kind,
                                     .deed = ask->deed,
                                     .holder = ask->holder != 0 ? ask->holder : (uint64_t)gettid(),
                                     .value = ask->value,
                                     .initial = ask->initial,
                                     .flags = timeout_ns == 0 ? GSHM_OBJECT_TRY : 0};
  struct gshm_object_reply reply = {0};
  struct gshm_exchange x = {.op = GSHM_OP_OBJECT,
                            .body = &body,
                            .body_size = sizeof body,
                            .reply = &reply,
                            .reply_size = sizeof reply,
                            .waits = may_wait(ask->deed),
                            .cancel = cancel};
  if (gshm_set_patience(&x, timeout_ns, ask->what) != 0) return -1;
  if (gshm_key_frame_of(&body.key, ask->key, ask->what) != 0 || gshm_request(&x) != 0) return -1;
  if (answer) *answer = reply.value;
  return reply.owner_died ? gshm_fail(GSHM_E_OWNER_DEAD, "%s", "") : 0;
}

/* What the public calls ask: without a semaphore's beginning, by this thread. */
static int ask(gshm *g, const char *what, enum gshm_object_kind kind, enum gshm_object_deed deed, gshm_key key,
               int64_t value, int64_t timeout_ns, int64_t *answer) {
  struct gshm_object_ask it = {.kind = kind, .deed = deed, .key = key, .value = value, .initial = -1, .what = what};
  return gshm_check(g) != 0 ? -1 : gshm_object(&it, timeout_ns, NULL, answer);
}

int gshm_rwlock_read(gshm *g, gshm_key key, int64_t timeout_ns) {
  return ask(g, "gshm_rwlock_read", GSHM_OBJECT_RWLOCK, GSHM_DEED_READ, key, 0, timeout_ns, NULL);
}

int gshm_rwlock_write(gshm *g, gshm_key key, int64_t timeout_ns) {
  return ask(g, "gshm_rwlock_write", GSHM_OBJECT_RWLOCK, GSHM_DEED_WRITE, key, 0, timeout_ns, NULL);
}

int gshm_rwlock_unlock(gshm *g, gshm_key key) {
  return ask(g, "gshm_rwlock_unlock", GSHM_OBJECT_RWLOCK, GSHM_DEED_UNLOCK, key, 0, GSHM_FOREVER, NULL);
}

int gshm_semaphore_open(gshm *g, gshm_key key, uint32_t initial) {
  struct gshm_object_ask it = {.kind = GSHM_OBJECT_SEMAPHORE,
                               .deed = GSHM_DEED_VALUE,
                               .key = key,
                               .initial = initial,
                               .what = "gshm_semaphore_open"};
  return gshm_check(g) != 0 ? -1 : gshm_object(&it, GSHM_FOREVER, NULL, NULL);
}

int gshm_semaphore_wait(gshm *g, gshm_key key, int64_t timeout_ns) {
  return ask(g, "gshm_semaphore_wait", GSHM_OBJECT_SEMAPHORE, GSHM_DEED_TAKE, key, 0, timeout_ns, NULL);
}

int gshm_semaphore_post(gshm *g, gshm_key key, uint32_t units) {
  return ask(g, "gshm_semaphore_post", GSHM_OBJECT_SEMAPHORE, GSHM_DEED_POST, key, units, GSHM_FOREVER, NULL);
}

int gshm_semaphore_value(gshm *g, gshm_key key, uint32_t *units) {
  int64_t answer;
  if (!units) return gshm_fail(GSHM_E_INVALID, "gshm_semaphore_value: units is NULL");
  if (ask(g, "gshm_semaphore_value", GSHM_OBJECT_SEMAPHORE, GSHM_DEED_VALUE, key, 0, GSHM_FOREVER, &answer) != 0) return -1;
  *units = (uint32_t)answer;
  return 0;
}

int gshm_counter_add(gshm *g, gshm_key key, int64_t delta, int64_t *before) {
  return ask(g, "gshm_counter_add", GSHM_OBJECT_COUNTER, GSHM_DEED_ADD, key, delta, GSHM_FOREVER, before);
}

/* One who waits, from before it looks until it sleeps no more. */
struct watch {
  enum gshm_object_kind kind;
  gshm_key key;
  const char *what;
  int64_t number;
};

static int step(const struct watch *w, enum gshm_object_deed deed, int64_t timeout_ns, struct gshm_cancel *cancel,
                int64_t *answer) {
  struct gshm_object_ask it = {
      .kind = w->kind, .deed = deed, .key = w->key, .value = w->number, .initial = -1, .what = w->what};
  return gshm_object(&it, timeout_ns, cancel, answer);
}

static int watch(struct watch *w) { return step(w, GSHM_DEED_WATCH, GSHM_FOREVER, NULL, &w->number); }
static int unwatch(const struct watch *w) { return step(w, GSHM_DEED_UNWATCH, GSHM_FOREVER, NULL, NULL); }

/* Sleeps, or with a timeout of 0 lets it be. */
static int rest(const struct watch *w, int64_t timeout_ns, struct gshm_cancel *cancel) {
  if (timeout_ns != 0) return step(w, GSHM_DEED_SLEEP, timeout_ns, cancel, NULL);
  return unwatch(w) != 0 ? -1 : gshm_fail(GSHM_E_BUSY, "%s: timeout_ns is 0, and nobody has notified", w->what);
}

int gshm_condition_wait_as(gshm_key condition, gshm_key mutex, uint32_t holder, int64_t timeout_ns,
                           struct gshm_cancel *cancel, bool *held) {
  struct watch w = {GSHM_OBJECT_CONDITION, condition, "gshm_condition_wait", 0};
  if (held) *held = true;
  if (gshm_check_timeout(timeout_ns, w.what) != 0 || watch(&w) != 0) return -1;
  if (gshm_mutex_unlock_as(mutex, holder) != 0) {
    enum gshm_error why = gshm_last_error();
    unwatch(&w);
    return gshm_fail(why, "%s", gshm_last_detail());
  }
  int slept = rest(&w, timeout_ns, cancel);
  enum gshm_error why = slept != 0 ? gshm_last_error() : GSHM_OK;
  if (gshm_mutex_lock_as(mutex, holder, GSHM_FOREVER, NULL) != 0) {
    if (held) *held = gshm_last_error() == GSHM_E_OWNER_DEAD;
    return -1;
  }
  return slept == 0 ? 0 : gshm_fail(why, "%s", gshm_last_detail());
}

int gshm_condition_wait(gshm *g, gshm_key condition, gshm_key mutex, int64_t timeout_ns) {
  return gshm_check(g) != 0 ? -1 : gshm_condition_wait_as(condition, mutex, 0, timeout_ns, NULL, NULL);
}

int gshm_condition_signal(gshm *g, gshm_key key) {
  return ask(g, "gshm_condition_signal", GSHM_OBJECT_CONDITION, GSHM_DEED_NOTIFY, key, 1, GSHM_FOREVER, NULL);
}

int gshm_condition_broadcast(gshm *g, gshm_key key) {
  return ask(g, "gshm_condition_broadcast", GSHM_OBJECT_CONDITION, GSHM_DEED_NOTIFY, key, UINT32_MAX, GSHM_FOREVER, NULL);
}

/* The global address of a word, as a key. */
static int word_key(gshm *g, const uint32_t *word, const char *what, gshm_key *key) {
  if ((uintptr_t)word % sizeof *word != 0)
    return gshm_fail(GSHM_E_MISALIGNED, "%s: %p is no multiple of %zu", what, (const void *)word, sizeof *word);
  gshm_addr address = gshm_address(g, word);
  *key = gshm_located(address);
  return address == 0 ? -1 : 0;
}

int gshm_wait_as(gshm *g, const uint32_t *word, uint32_t expected, int64_t timeout_ns, struct gshm_cancel *cancel) {
  struct watch w = {.kind = GSHM_OBJECT_WORD, .what = "gshm_wait"};
  if (word_key(g, word, w.what, &w.key) != 0 || gshm_check_timeout(timeout_ns, w.what) != 0 || watch(&w) != 0) return -1;
  /* What is changed from here on is followed by a notify that finds this thread. */
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) return unwatch(&w) != 0 ? -1 : 1;
  return rest(&w, timeout_ns, cancel);
}

int gshm_wait(gshm *g, const uint32_t *word, uint32_t expected, int64_t timeout_ns) {
  return gshm_wait_as(g, word, expected, timeout_ns, NULL);
}

int64_t gshm_notify(gshm *g, const uint32_t *word, uint32_t count) {
  gshm_key key = {0, 0, NULL};
  int64_t woken;
  if (word_key(g, word, "gshm_notify", &key) != 0) return -1;
  return ask(g, "gshm_notify", GSHM_OBJECT_WORD, GSHM_DEED_NOTIFY, key, count, GSHM_FOREVER, &woken) != 0 ? -1 : woken;
}

/* Whoever gets it without waiting shows that nobody has it. Nothing of a mutex stays that could be destroyed, but for
 * the news of a holder's death, which this takes. */
static int destroy_mutex(gshm *g, gshm_key key) {
  if (gshm_mutex_lock(g, key, 0) == 0 || gshm_last_error() == GSHM_E_OWNER_DEAD) return gshm_mutex_unlock(g, key);
  if (gshm_last_error() != GSHM_E_DEADLOCK) return -1;
  return gshm_fail(GSHM_E_BUSY, "gshm_destroy: the caller holds the mutex");
}

int gshm_destroy(gshm *g, enum gshm_kind kind, gshm_key key) {
  switch (kind) {
    case GSHM_MUTEX: return gshm_check(g) != 0 ? -1 : destroy_mutex(g, key);
    case GSHM_RWLOCK:
    case GSHM_SEMAPHORE:
    case GSHM_CONDITION:
    case GSHM_COUNTER:
      return ask(g, "gshm_destroy", (enum gshm_object_kind)kind, GSHM_DEED_DESTROY, key, 0, GSHM_FOREVER, NULL);
    case GSHM_BARRIER:
      return ask(g, "gshm_destroy", GSHM_OBJECT_BARRIER, GSHM_DEED_DESTROY, key, 0, GSHM_FOREVER, NULL);
    default: return gshm_fail(GSHM_E_INVALID, "gshm_destroy: kind %d cannot be destroyed", (int)kind);
  }
}
