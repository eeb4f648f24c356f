/* direct.c: see direct.h, and abi/direct.h for how processes meet. */
#include "client/direct.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/process.h"

struct direct {
  struct direct *next;
  struct gshm_key_frame key;
  uint32_t count;
  bool root;
  bool busy; /* a thread is in it, which alone uses what follows */
  uint64_t number, episode;
  struct gshm_direct_page *page;
  unsigned lines;
  int fds[GSHM_DIRECT_MAX - 1];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct direct *all;
static _Atomic bool any; /* there may be some: else nobody looks */

static void let_go(struct direct *d) {
  for (unsigned i = 0; i < d->lines; i++) close(d->fds[i]);
  munmap(d->page, sizeof *d->page);
  free(d);
}

/* The one of that key, now this thread's; NULL: there is none, or another thread is in it. */
static struct direct *take(const struct gshm_key_frame *key, uint32_t count) {
  pthread_mutex_lock(&lock);
  struct direct *d = all;
  while (d && (d->count != count || memcmp(&d->key, key, sizeof *key) != 0)) d = d->next;
  if (d && d->busy) d = NULL;
  if (d) d->busy = true;
  pthread_mutex_unlock(&lock);
  return d;
}

static void give_back(struct direct *d) {
  pthread_mutex_lock(&lock);
  d->busy = false;
  pthread_mutex_unlock(&lock);
}

/* It goes on no more. Its page still says whether its thread waits. */
static void end(struct direct *d) {
  pthread_mutex_lock(&lock);
  struct direct **at = &all;
  while (*at != d) at = &(*at)->next;
  *at = d->next;
  if (!all) any = false;
  pthread_mutex_unlock(&lock);
  let_go(d);
}

static bool say(int line, uint64_t episode) {
  ssize_t sent;
  do sent = send(line, &episode, sizeof episode, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == (ssize_t)sizeof episode;
}

/* The next number on the line; 0: it has ended, or this process's daemon has, which would end it. */
static uint64_t next(int line) {
  uint64_t number = 0;
  size_t got = 0;
  while (got < sizeof number) {
    ssize_t bytes = recv(line, (char *)&number + got, sizeof number - got, 0);
    if (bytes > 0) got += (size_t)bytes;
    else if (bytes == 0 || (errno != EINTR && (errno != EAGAIN || !gshm_channel_is_up()))) return 0;
  }
  return number;
}

static bool hear(int line, uint64_t episode) {
  uint64_t number;
  do number = next(line);
  while (number != 0 && number < episode); /* the daemon has said it again */
  return number == episode;
}

static bool meet_as_root(struct direct *d, uint64_t episode) {
  for (unsigned i = 0; i < d->lines; i++)
    if (!hear(d->fds[i], episode)) return false;
  uint64_t state = gshm_direct_state(episode);
  if (!__atomic_compare_exchange_n(&d->page->state, &state, state | GSHM_DIRECT_GOING, false, __ATOMIC_SEQ_CST,
                                   __ATOMIC_SEQ_CST))
    return false;
  for (unsigned i = 0; i < d->lines; i++) say(d->fds[i], episode); /* a line that is shut: the daemon has said it */
  state |= GSHM_DIRECT_GOING;
  /* Unless it has been closed meanwhile. */
  __atomic_compare_exchange_n(&d->page->state, &state, gshm_direct_state(episode + 1), false, __ATOMIC_SEQ_CST,
                              __ATOMIC_SEQ_CST);
  return true;
}

static bool is_closed(const struct direct *d) {
  return __atomic_load_n(&d->page->state, __ATOMIC_SEQ_CST) & GSHM_DIRECT_CLOSED;
}

static bool meet(struct direct *d) {
  uint64_t episode = d->episode + 1;
  __atomic_store_n(&d->page->inside, 1, __ATOMIC_SEQ_CST);
  if (is_closed(d)) return false;
  bool over = d->root ? meet_as_root(d, episode) : say(d->fds[0], episode) && hear(d->fds[0], episode);
  if (over) d->episode = episode;
  return over;
}

/* The daemon awaits this of a thread that it has found inside. */
static void say_parted(uint64_t number) {
  struct gshm_parted_request body = {.number = number};
  struct gshm_exchange x = {.op = GSHM_OP_PARTED, .body = &body, .body_size = sizeof body};
  gshm_request(&x); /* a daemon that is lost does not await it */
}

/* All have come. */
static void leave(struct direct *d) {
  __atomic_store_n(&d->page->inside, 0, __ATOMIC_SEQ_CST);
  if (!is_closed(d)) return give_back(d);
  uint64_t number = d->number;
  end(d);
  say_parted(number);
}

bool gshm_direct_meet(const struct gshm_key_frame *key, uint32_t count, uint64_t *parted) {
  *parted = 0;
  struct direct *d = any ? take(key, count) : NULL;
  if (!d) return false;
  int before;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  bool over = meet(d);
  if (over) {
    leave(d);
  } else {
    *parted = d->number;
    end(d);
  }
  pthread_setcancelstate(before, NULL);
  return over;
}

/* Those that were ended while no thread was in them, at barriers to which none may ever come again. Holds the lock. */
static void forget_closed(void) {
  struct direct **at = &all;
  while (*at) {
    struct direct *d = *at;
    if (d->busy || !is_closed(d)) {
      at = &d->next;
      continue;
    }
    *at = d->next;
    let_go(d);
  }
}

void gshm_direct_begin(const struct gshm_key_frame *key, uint32_t count, const struct gshm_barrier_reply *reply,
                       const int *fds, unsigned fd_count) {
  struct direct *d = fd_count == reply->lines + 1 && fd_count >= 2 ? calloc(1, sizeof *d) : NULL;
  struct gshm_direct_page *page = MAP_FAILED;
  if (d) page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
  if (fd_count > 0) close(fds[0]);
  if (!d || page == MAP_FAILED) {
    for (unsigned i = 1; i < fd_count; i++) close(fds[i]);
    free(d);
    return;
  }
  *d = (struct direct){.key = *key, .count = count, .root = reply->root != 0, .number = reply->number, .page = page};
  d->lines = reply->lines;
  memcpy(d->fds, fds + 1, d->lines * sizeof *fds);
  /* Who waits looks now and then whether its daemon lives: where several end at once nobody may be left to end a line. */
  const struct timeval look = {.tv_sec = 1};
  for (unsigned i = 0; i < d->lines; i++) setsockopt(d->fds[i], SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look);
  pthread_mutex_lock(&lock);
  forget_closed();
  bool late = !gshm_self.attached;
  if (!late) {
    d->next = all;
    all = d;
    any = true;
  }
  pthread_mutex_unlock(&lock);
  if (late) let_go(d);
}

void gshm_direct_detached(void) {
  pthread_mutex_lock(&lock);
  struct direct **at = &all;
  while (*at) {
    struct direct *d = *at;
    if (d->busy) { /* its thread wakes, and ends it; a root that has begun to let the others go lets all of them go */
      uint64_t before = __atomic_fetch_or(&d->page->state, GSHM_DIRECT_CLOSED, __ATOMIC_SEQ_CST);
      bool going = d->root && (before & GSHM_DIRECT_GOING);
      for (unsigned i = 0; i < d->lines && !going; i++) shutdown(d->fds[i], SHUT_RDWR);
      at = &d->next;
      continue;
    }
    *at = d->next;
    let_go(d);
  }
  any = all != NULL;
  pthread_mutex_unlock(&lock);
}

void gshm_direct_fork_prepare(void) { pthread_mutex_lock(&lock); }
void gshm_direct_fork_parent(void) { pthread_mutex_unlock(&lock); }
void gshm_direct_fork_child(void) {
  pthread_mutex_init(&lock, NULL);
  while (all) {
    struct direct *d = all;
    all = d->next;
    let_go(d);
  }
  any = false;
}
