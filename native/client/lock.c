/* lock.c: mutexes across the cluster.
 *
 * A lock whose token is on this node is had and given back by a compare-and-swap each on its word
 * (abi/lock_words.h). Whatever does not go that way asks the daemon, which says where the word is: it is
 * remembered, and stays right until the word's generation changes.
 *
 * What is remembered is only ever added to, until the next attach: so it is looked up without a lock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/lock_words.h"
#include "client/lock.h"
#include "client/lock_line.h"
#include "client/process.h"
#include "core/clock.h"

#define BUCKETS 4096u
#define REMEMBERED_MAX 65536u /* locks; those beyond are asked for each time */
#define HELD_AT_ONCE 16u /* by a thread that ends, asked about in one go */
#define ANYWHERE 0u           /* the words of names and numbers */

/* The words of one segment's addresses, or of names and numbers. */
struct words {
  struct words *next;
  uint32_t segment;
  bool gone; /* the segment has been closed: nothing lies there until it is opened again */
  struct gshm_lock_pages *pages;
};

/* What is known of a lock. It stays for as long as the registration. */
struct gshm_mutex {
  struct gshm_lock_pages *_Atomic pages; /* that have its word; NULL: not known yet */
  _Atomic uint64_t place;                /* generation << 32 | slot */
  struct gshm_mutex *next;
  uint32_t kind;
  uint64_t number; /* of a name: its length */
  char name[GSHM_NAME_MAX + 1];
};
typedef struct gshm_mutex mutex;

static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct words *) all_words;
static mutex *_Atomic buckets[BUCKETS];
static unsigned remembered;
static int bell = -1;
static _Atomic uint32_t process; /* this one's number in words; 0: not known */
static __thread uint32_t thread_id __attribute__((tls_model("initial-exec")));

static void thread_ends(void *unused);
static pthread_key_t ends; /* set in each thread that has a name here */
static bool ends_are_told; /* there was such a key to be had */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void hear_of_ends(void) { ends_are_told = pthread_key_create(&ends, thread_ends) == 0; }

static __attribute__((cold, noinline)) void name_thread(void) {
  thread_id = (uint32_t)gettid();
  pthread_once(&once, hear_of_ends);
  if (ends_are_told) pthread_setspecific(ends, &thread_id);
}

static inline uint32_t this_thread(void) {
  if (__builtin_expect(thread_id == 0, 0)) name_thread();
  return thread_id;
}

static inline uint32_t mixed(uint64_t hash, uint64_t with) {
  hash = (hash ^ with) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4) */
  return (uint32_t)(hash ^ hash >> 32);
}

/* The last bytes of a name, eight of them where it has as many: looking a name up is most of what locking by it
 * costs, and so it is read in words. */
static inline uint64_t last_word(const char *name, size_t length) {
  uint64_t word = 0;
  if (length >= sizeof word) memcpy(&word, name + length - sizeof word, sizeof word);
  else for (size_t at = 0; at < length; at++) word = word << 8 | (unsigned char)name[at];
  return word;
}

static inline uint32_t hash_of_name(const char *name, size_t length) {
  uint64_t hash = length;
  for (size_t at = 0; at + sizeof hash < length; at += sizeof hash) {
    uint64_t word;
    memcpy(&word, name + at, sizeof word);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  }
  return mixed(hash, last_word(name, length));
}

static inline bool is_named(const mutex *m, const char *name, size_t length) {
  if (m->kind != GSHM_BY_NAME || m->number != length) return false;
  for (size_t at = 0; at + sizeof(uint64_t) < length; at += sizeof(uint64_t))
    if (memcmp(m->name + at, name + at, sizeof(uint64_t)) != 0) return false;
  return last_word(m->name, length) == last_word(name, length);
}

static inline mutex *find_named(const char *name) {
  size_t length = name ? strlen(name) : 0;
  mutex *m = buckets[hash_of_name(name, length) % BUCKETS];
  while (m && !is_named(m, name, length)) m = m->next;
  return m;
}

static inline mutex *find(gshm_key key) {
  if (key.kind == GSHM_BY_NAME) return find_named(key.name);
  mutex *m = buckets[mixed(key.kind, key.number) % BUCKETS];
  while (m && (m->kind != key.kind || m->number != key.number)) m = m->next;
  return m;
}

static gshm_key key_of(const mutex *m) {
  return m->kind == GSHM_BY_NAME ? gshm_named(m->name) : (gshm_key){m->kind, m->number, NULL};
}

/* The word of the lock, what it is when it is open and nobody holds it, and when this holder does. */
struct word {
  struct gshm_lock_slot *slot; /* NULL: not known, so the daemon must be asked */
  uint32_t number;
  uint64_t open, owned;
};

static inline struct word word_of(const mutex *m, uint32_t holder) {
  struct gshm_lock_pages *pages = m->pages;
  uint32_t me = process;
  if (me == 0 || !pages) return (struct word){.slot = NULL};
  uint64_t place = m->place;
  uint64_t open = gshm_word_free((uint32_t)(place >> 32));
  return (struct word){&pages->slots[(uint32_t)place], (uint32_t)place, open, open | gshm_word_owner(me, holder)};
}

static __attribute__((cold, noinline)) void hold_begins(struct gshm_lock_slot *slot) {
  slot->since = gshm_hold_began(gshm_now_ns(), 0);
}

/* Of a lock that is to be given back, if it is this holder's. */
static __attribute__((cold, noinline)) void hold_ends(const struct word *word) {
  uint64_t seen = __atomic_load_n(&word->slot->word, __ATOMIC_RELAXED);
  if ((seen & ~GSHM_WORD_FLAGS) == word->owned) gshm_hold_ended(word->slot, gshm_now_ns());
}

enum taken { TAKEN, MINE_ALREADY, NOT_TAKEN };

static inline enum taken take(mutex *m, uint32_t holder) {
  struct word word = word_of(m, holder);
  if (!word.slot) return NOT_TAKEN;
  uint64_t seen = word.open;
  if (__atomic_compare_exchange_n(&word.slot->word, &seen, word.owned, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
    uint64_t before = word.slot->acquired;
    __atomic_store_n(&word.slot->acquired, before + 1, __ATOMIC_RELAXED);
    if (__builtin_expect(before % GSHM_HOLD_EVERY == 0, 0)) hold_begins(word.slot);
    return TAKEN;
  }
  return (seen & ~GSHM_WORD_FLAGS) == word.owned ? MINE_ALREADY : NOT_TAKEN;
}

static void ring(struct gshm_lock_pages *pages, uint32_t slot) {
  __atomic_fetch_or(&pages->rung[slot / 64], 1ull << slot % 64, __ATOMIC_RELEASE);
  uint64_t once = 1;
  while (write(bell, &once, sizeof once) < 0 && errno == EINTR) {}
}

/* Of a word that is shut, or not this holder's. false: by what it says it is not this holder's. Where another node wants
 * the lock, and there is a line, it goes there at once; the daemons hear of it afterwards. */
static bool give_back_shut(mutex *m, const struct word *word) {
  uint64_t seen = __atomic_load_n(&word->slot->word, __ATOMIC_ACQUIRE);
  while ((seen & ~GSHM_WORD_FLAGS) == word->owned) {
    struct gshm_line *line = seen & GSHM_WORD_LINE ? gshm_line_use(m, false) : NULL;
    uint64_t turn = line ? gshm_line_turn(line) : 0; /* it may be an old one; then it means nothing to the other end */
    uint64_t next = seen & ~(line ? GSHM_WORD_OWNER : GSHM_WORD_OWNER | GSHM_WORD_LINE);
    bool given = __atomic_compare_exchange_n(&word->slot->word, &seen, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    if (given && line) gshm_line_pass(line, turn);
    gshm_line_leave(line, false);
    if (!given) continue;
    if (next & GSHM_WORD_SHUT) ring(m->pages, word->number);
    return true;
  }
  return false;
}

static inline bool give_back(mutex *m, uint32_t holder) {
  struct word word = word_of(m, holder);
  if (!word.slot) return false;
  if (__builtin_expect(word.slot->since != 0, 0)) hold_ends(&word);
  uint64_t seen = word.owned;
  if (__atomic_compare_exchange_n(&word.slot->word, &seen, word.open, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return true;
  return give_back_shut(m, &word);
}

/* A descriptor of what the daemon shares; -1: not to be had, and the daemon is asked each time. */
static int shared(uint32_t segment, uint32_t what) {
  struct gshm_lock_pages_request body = {.segment = segment, .what = what};
  struct gshm_lock_pages_reply reply;
  int fd = -1;
  struct gshm_exchange x = {.op = GSHM_OP_LOCK_PAGES,
                            .body = &body,
                            .body_size = sizeof body,
                            .reply = &reply,
                            .reply_size = sizeof reply,
                            .received = &fd};
  if (gshm_request(&x) != 0) return -1;
  process = reply.process;
  return fd;
}

/* Under `adding`. */
static struct words *words_of(uint32_t segment) {
  struct words *words = all_words;
  while (words && words->segment != segment) words = words->next;
  if (bell < 0) bell = shared(segment, GSHM_LOCK_BELL);
  if (bell < 0) return NULL;
  if (words && !words->gone) {
    if (process != 0) return words;
    int again = shared(segment, GSHM_LOCK_MEMORY); /* a forked child: only its number is new */
    if (again >= 0) close(again);
    return process != 0 ? words : NULL;
  }
  int fd = shared(segment, GSHM_LOCK_MEMORY);
  if (fd < 0) return NULL;
  void *pages = mmap(words ? words->pages : NULL, sizeof(struct gshm_lock_pages), PROT_READ | PROT_WRITE,
                     MAP_SHARED | (words ? MAP_FIXED : 0), fd, 0);
  close(fd);
  if (words) { /* where they were: a thread may be about to look there */
    words->gone = pages == MAP_FAILED;
    return words->gone ? NULL : words;
  }
  words = pages != MAP_FAILED ? calloc(1, sizeof *words) : NULL;
  if (!words) {
    if (pages != MAP_FAILED) munmap(pages, sizeof(struct gshm_lock_pages));
    return NULL;
  }
  words->segment = segment;
  words->pages = pages;
  words->next = all_words;
  all_words = words;
  return words;
}

static mutex *_Atomic *bucket_of(const mutex *m) {
  uint32_t hash = m->kind == GSHM_BY_NAME ? hash_of_name(m->name, m->number) : mixed(m->kind, m->number);
  return &buckets[hash % BUCKETS];
}

/* The one of that key, made if need be; NULL: none can be, for want of memory or because there are too many. */
static mutex *obtain(gshm_key key) {
  mutex *m = find(key);
  if (m) return m;
  pthread_mutex_lock(&adding);
  m = find(key);
  if (!m && remembered < REMEMBERED_MAX && (m = calloc(1, sizeof *m))) {
    m->kind = key.kind;
    m->number = key.kind == GSHM_BY_NAME ? strlen(key.name) : key.number;
    if (key.kind == GSHM_BY_NAME) memcpy(m->name, key.name, m->number);
    mutex *_Atomic *bucket = bucket_of(m);
    m->next = *bucket;
    *bucket = m;
    remembered++;
  }
  pthread_mutex_unlock(&adding);
  return m;
}

/* The daemon says where the lock's word is. What cannot be remembered is asked for again: no error. Gives what is known of it. */
static mutex *remember(gshm_key key, const struct gshm_lock_reply *reply) {
  mutex *m = reply->slot < GSHM_LOCK_SLOTS ? obtain(key) : NULL;
  if (!m) return NULL;
  m->place = (uint64_t)reply->generation << 32 | reply->slot;
  if (m->pages && process != 0) return m;
  int error = errno;
  pthread_mutex_lock(&adding);
  struct words *words = words_of(key.kind == GSHM_BY_ADDRESS ? (uint32_t)(key.number >> GSHM_OFFSET_BITS) : ANYWHERE);
  if (words) m->pages = words->pages;
  pthread_mutex_unlock(&adding);
  errno = error;
  return m;
}

/* A thread that waits for a lock, which may come by its line before the daemon answers. */
struct waiting {
  struct gshm_early early; /* first */
  struct gshm_line *line;  /* NULL: it has none */
  const mutex *mutex;
  uint32_t holder;
};

static bool came(struct gshm_early *early) {
  struct waiting *w = (struct waiting *)early;
  for (uint64_t turn; gshm_line_next(w->line, &turn);) {
    if (!gshm_line_is_mine(w->line, turn, w->holder)) continue; /* it has come by the daemons before */
    const struct word word = word_of(w->mutex, w->holder);
    uint64_t seen = gshm_word_awaited(word.open, turn);
    if (!word.slot || !__atomic_compare_exchange_n(&word.slot->word, &seen, word.owned | GSHM_WORD_SHUT, false,
                                                   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      continue;
    word.slot->since = gshm_hold_began(gshm_now_ns(), 1);
    return true;
  }
  early->fd = gshm_line_fd(w->line);
  return false;
}

/* Only threads that would not leave the daemon's answer unheard wait so. */
static struct gshm_line *line_to_wait_by(const mutex *m, uint32_t holder, int64_t timeout_ns,
                                         const struct gshm_cancel *cancel) {
  bool may = m && !cancel && timeout_ns != 0 && holder == thread_id && ends_are_told;
  return may ? gshm_line_use(m, true) : NULL;
}

static int ask_lock(gshm_key key, uint32_t holder, int64_t timeout_ns, struct gshm_cancel *cancel) {
  if (gshm_check(&gshm_self) != 0) return -1;
  struct gshm_lock_request body = {.holder = holder, .flags = timeout_ns == 0 ? GSHM_LOCK_TRY : 0};
  struct gshm_lock_reply reply = {.slot = GSHM_NO_SLOT, .line = UINT32_MAX}; /* as it stays where none is waited for */
  int fds[2];
  unsigned fd_count = 0;
  struct gshm_exchange x = {.op = GSHM_OP_LOCK,
                            .body = &body,
                            .body_size = sizeof body,
                            .reply = &reply,
                            .reply_size = sizeof reply,
                            .received = fds,
                            .received_max = 2,
                            .received_count = &fd_count,
                            .waits = true,
                            .cancel = cancel};
  if (gshm_set_patience(&x, timeout_ns, "gshm_mutex_lock") != 0) return -1;
  if (gshm_key_frame_of(&body.key, key, "gshm_mutex_lock") != 0) return -1;
  const mutex *known = find(key);
  struct waiting w = {.mutex = known, .holder = holder, .line = line_to_wait_by(known, holder, timeout_ns, cancel)};
  w.early.came = came;
  if (w.line) {
    w.early.fd = gshm_line_fd(w.line);
    x.early = &w.early;
  }
  int result = gshm_request(&x);
  gshm_line_leave(w.line, true);
  if (result != 0) return -1;
  if (reply.line == UINT32_MAX) return 0;
  const mutex *m = remember(key, &reply);
  if (fd_count == 2 && m) gshm_line_begin(m, fds);
  else
    for (unsigned i = 0; i < fd_count; i++) close(fds[i]);
  return reply.owner_died ? gshm_fail(GSHM_E_OWNER_DEAD, "%s", "") : 0;
}

static int ask_unlock(gshm_key key, uint32_t holder, uint32_t flags) {
  if (gshm_check(&gshm_self) != 0) return -1;
  struct gshm_lock_request body = {.holder = holder, .flags = flags};
  struct gshm_exchange x = {.op = GSHM_OP_UNLOCK, .body = &body, .body_size = sizeof body};
  return gshm_key_frame_of(&body.key, key, "gshm_mutex_unlock") != 0 ? -1 : gshm_request(&x);
}

/* Copies of the first mutexes that the holder has, by their words. */
static unsigned held_by(uint32_t holder, mutex held[HELD_AT_ONCE]) {
  unsigned count = 0;
  pthread_mutex_lock(&adding); /* no registration begins meanwhile */
  for (unsigned at = 0; at < BUCKETS; at++) {
    for (const mutex *m = buckets[at]; m && count < HELD_AT_ONCE; m = m->next) {
      const struct word word = word_of(m, holder);
      if (word.slot && (__atomic_load_n(&word.slot->word, __ATOMIC_RELAXED) & ~GSHM_WORD_FLAGS) == word.owned) held[count++] = *m;
    }
  }
  pthread_mutex_unlock(&adding);
  return count;
}

/* It gives nothing back any more: the daemon tells whoever has its mutexes next, as when a process dies. Its name may be
 * another thread's soon. Of mutexes whose words are not known here nothing is. */
static void thread_ends(void *unused) {
  (void)unused;
  const uint32_t holder = thread_id;
  gshm_channel_settle();
  thread_id = 0; /* a destructor that comes later, and locks again, has this one called again */
  if (holder == 0 || process == 0) return;
  mutex held[HELD_AT_ONCE];
  for (unsigned count = HELD_AT_ONCE; count == HELD_AT_ONCE;) {
    count = held_by(holder, held);
    for (unsigned at = 0; at < count; at++)
      if (ask_unlock(key_of(&held[at]), holder, GSHM_LOCK_DIED) != 0) return;
  }
}

static int held_already(void) { return gshm_fail(GSHM_E_DEADLOCK, "%s", ""); }

/* @param m what is known of it, or NULL */
static inline int lock(mutex *m, gshm_key key, uint32_t holder, int64_t timeout_ns, struct gshm_cancel *cancel) {
  if (__builtin_expect(gshm_is_no_timeout(timeout_ns), 0)) return gshm_check_timeout(timeout_ns, "gshm_mutex_lock");
  switch (m ? take(m, holder) : NOT_TAKEN) {
    case TAKEN: return 0;
    case MINE_ALREADY: return held_already();
    default: return ask_lock(key, holder, timeout_ns, cancel);
  }
}

static inline int unlock(mutex *m, gshm_key key, uint32_t holder) {
  return m && give_back(m, holder) ? 0 : ask_unlock(key, holder, 0);
}

int gshm_mutex_lock_as(gshm_key key, uint32_t holder, int64_t timeout_ns, struct gshm_cancel *cancel) {
  return lock(find(key), key, holder != 0 ? holder : this_thread(), timeout_ns, cancel);
}

int gshm_mutex_unlock_as(gshm_key key, uint32_t holder) {
  return unlock(find(key), key, holder != 0 ? holder : this_thread());
}

int gshm_mutex_try_word(gshm_key key, uint32_t holder) {
  if (gshm_check(&gshm_self) != 0) return -1;
  mutex *m = find(key);
  switch (m ? take(m, holder) : NOT_TAKEN) {
    case TAKEN: return 0;
    case MINE_ALREADY: return held_already();
    default: return gshm_fail(GSHM_E_BUSY, "%s", "");
  }
}

gshm_mutex *gshm_mutex_handle(gshm *g, gshm_key key) {
  struct gshm_key_frame checked;
  if (gshm_check(g) != 0 || gshm_key_frame_of(&checked, key, "gshm_mutex_handle") != 0) return NULL;
  mutex *m = obtain(key);
  if (!m) gshm_fail(GSHM_E_LIMIT, "gshm_mutex_handle: this process knows %u mutexes already", REMEMBERED_MAX);
  return m;
}

static int no_handle(void) { return gshm_fail(GSHM_E_INVALID, "the gshm_mutex is NULL"); }

int gshm_mutex_acquire(gshm_mutex *m, int64_t timeout_ns) {
  if (!m) return no_handle();
  if (__builtin_expect(gshm_is_no_timeout(timeout_ns), 0)) return gshm_check_timeout(timeout_ns, "gshm_mutex_acquire");
  uint32_t holder = this_thread();
  switch (take(m, holder)) {
    case TAKEN: return 0;
    case MINE_ALREADY: return held_already();
    default: return ask_lock(key_of(m), holder, timeout_ns, NULL);
  }
}

int gshm_mutex_release(gshm_mutex *m) {
  if (!m) return no_handle();
  uint32_t holder = this_thread();
  return give_back(m, holder) ? 0 : ask_unlock(key_of(m), holder, 0);
}

static inline int lock_here(const gshm *g, gshm_key key, int64_t timeout_ns) {
  return g == &gshm_self ? lock(find(key), key, this_thread(), timeout_ns, NULL) : gshm_check(g);
}

static inline int unlock_here(const gshm *g, gshm_key key) {
  return g == &gshm_self ? unlock(find(key), key, this_thread()) : gshm_check(g);
}

int gshm_mutex_lock(gshm *g, gshm_key key, int64_t timeout_ns) { return lock_here(g, key, timeout_ns); }
int gshm_mutex_unlock(gshm *g, gshm_key key) { return unlock_here(g, key); }
int gshm_lock(gshm *g, const char *name) { return lock_here(g, gshm_named(name), GSHM_FOREVER); }
int gshm_unlock(gshm *g, const char *name) { return unlock_here(g, gshm_named(name)); }
int gshm_lock_n(gshm *g, uint64_t number) { return lock_here(g, gshm_numbered(number), GSHM_FOREVER); }
int gshm_unlock_n(gshm *g, uint64_t number) { return unlock_here(g, gshm_numbered(number)); }

/* Other threads may be at a word: they find memory there that says nothing. */
static void blank(const struct words *words) {
  mmap(words->pages, sizeof *words->pages, PROT_READ | PROT_WRITE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void gshm_lock_detached(void) {
  pthread_mutex_lock(&adding);
  process = 0;
  for (struct words *words = all_words; words; words = words->next) blank(words);
  pthread_mutex_unlock(&adding);
  gshm_line_detached();
}

void gshm_lock_segment_closed(uint32_t segment) {
  pthread_mutex_lock(&adding);
  struct words *words = all_words;
  while (words && words->segment != segment) words = words->next;
  if (words && !words->gone) {
    for (unsigned at = 0; at < BUCKETS; at++)
      for (mutex *m = buckets[at]; m; m = m->next)
        if (m->pages == words->pages) m->pages = NULL;
    blank(words);
    words->gone = true;
  }
  pthread_mutex_unlock(&adding);
}

void gshm_lock_attached(void) {
  gshm_line_detached(); /* of one that a thread has begun since */
  pthread_mutex_lock(&adding);
  for (unsigned at = 0; at < BUCKETS; at++) {
    mutex *m = buckets[at];
    buckets[at] = NULL;
    while (m) {
      mutex *next = m->next;
      free(m);
      m = next;
    }
  }
  struct words *words = all_words;
  all_words = NULL;
  while (words) {
    struct words *next = words->next;
    munmap(words->pages, sizeof *words->pages);
    free(words);
    words = next;
  }
  if (bell >= 0) close(bell);
  bell = -1;
  remembered = 0;
  process = 0;
  pthread_mutex_unlock(&adding);
}

void gshm_lock_fork_prepare(void) {
  pthread_mutex_lock(&adding);
  gshm_line_fork_prepare();
}
void gshm_lock_fork_parent(void) {
  gshm_line_fork_parent();
  pthread_mutex_unlock(&adding);
}
void gshm_lock_fork_child(void) {
  gshm_line_fork_child();
  pthread_mutex_init(&adding, NULL);
  process = 0;
  thread_id = 0;
}
