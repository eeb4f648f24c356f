/* channel.c: the pool of connections to the daemon.
 *
 * A call takes an idle connection or opens one more, and returns it afterwards: so at most one
 * request is outstanding on each, and a thread that waits for a lock is in nobody's way.
 *
 * One connection, that of attach, is never used to wait for other processes: a process that waits as
 * often as it may can still unlock. When no more can be opened, calls that do not wait take turns. */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/process.h"

#define IDLE_MAX 16 /* connections kept for later */

struct channel {
  struct channel *next;
  int fd;
  uint32_t serial;
  bool busy;
  bool waits; /* busy with a request that waits for other processes */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given_back = PTHREAD_COND_INITIALIZER;
static struct channel *channels;
static unsigned idle;
static unsigned short_calls; /* connections that are busy, and will not be for long */
/* A connection on which this thread is owed a reply that it did not have to wait for. */
static __thread struct channel *owed __attribute__((tls_model("initial-exec")));

static struct channel *make(int fd, bool busy, bool waits) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel) {
    gshm_fail_system("malloc", ENOMEM);
    return NULL;
  }
  channel->fd = fd;
  channel->busy = busy;
  channel->waits = waits;
  pthread_mutex_lock(&lock);
  /* After gshm_channel_end_all nobody would wake a thread that waits on a new connection. */
  bool late = busy && !gshm_self.attached;
  if (!late) {
    channel->next = channels;
    channels = channel;
    if (!busy) idle++;
    else if (!waits) short_calls++;
  }
  pthread_mutex_unlock(&lock);
  if (!late) return channel;
  free(channel);
  gshm_check(&gshm_self);
  return NULL;
}

int gshm_channel_add(int connection) { return make(connection, false, false) ? 0 : -1; }

/* An idle connection, or NULL; with `patient`, once one is idle, or none will be. */
static struct channel *take_idle(bool waits, bool patient) {
  struct channel *found = NULL;
  pthread_mutex_lock(&lock);
  while (patient && idle == 0 && short_calls > 0) pthread_cond_wait(&given_back, &lock);
  if (idle > 0 && !(waits && idle + short_calls < 2)) {
    for (found = channels; found->busy;) found = found->next;
    found->busy = true;
    found->waits = waits;
    idle--;
    if (!waits) short_calls++;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

bool gshm_channel_is_up(void) {
  pthread_mutex_lock(&lock);
  struct pollfd poll_fd = {.fd = channels ? channels->fd : -1};
  bool up = channels && poll(&poll_fd, 1, 0) == 0; /* 0: not hung up, for nothing else is asked */
  pthread_mutex_unlock(&lock);
  return up;
}

static int unreachable(void) {
  if (!gshm_self.attached) return gshm_fail(GSHM_E_DETACHED, "%s", "");
  return gshm_fail(GSHM_E_DAEMON_LOST, "the daemon that this process attached to (%s) has ended", gshm_self.socket);
}

static struct channel *open_one(bool waits) {
  int fd = gshm_connect(gshm_self.socket);
  if (fd < 0) {
    if (gshm_last_error() == GSHM_E_NO_DAEMON) unreachable();
    return NULL;
  }
  struct gshm_hello_request hello = {.kind = GSHM_HELLO_CHANNEL, .token = gshm_self.token};
  struct gshm_hello_reply reply;
  if (gshm_say_hello(fd, hello, NULL, NULL, &reply) != GSHM_EXCHANGED) {
    /* A daemon that knows no such process is not the one that we attached to. */
    if (gshm_last_error() == GSHM_E_DETACHED) unreachable();
    close(fd);
    return NULL;
  }
  struct channel *channel = make(fd, true, waits);
  if (!channel) close(fd);
  return channel;
}

/* The connection's request is over; a broken or superfluous one goes. */
static void give_back(struct channel *channel, bool broken) {
  pthread_mutex_lock(&lock);
  bool keep = !broken && idle < IDLE_MAX && gshm_self.attached;
  channel->busy = false;
  if (!channel->waits) short_calls--;
  if (keep) {
    idle++;
  } else {
    struct channel **at = &channels;
    while (*at != channel) at = &(*at)->next;
    *at = channel->next;
  }
  pthread_cond_broadcast(&given_back);
  pthread_mutex_unlock(&lock);
  if (keep) return;
  close(channel->fd);
  free(channel);
}

void gshm_channel_settle(void) {
  struct channel *channel = owed;
  if (!channel) return;
  owed = NULL;
  int error = errno;
  give_back(channel, !gshm_exchange_drop(channel->fd));
  errno = error;
}

static int request_now(const struct gshm_exchange *x, bool fork_held) {
  const bool waits = x->waits;
  gshm_channel_settle(); /* to the daemon the thread waits as long as it has not been answered */
  struct channel *channel = take_idle(waits, false);
  if (!channel) {
    if (!fork_held) pthread_rwlock_rdlock(&gshm_self.fork_lock);
    channel = open_one(waits);
    if (!fork_held) pthread_rwlock_unlock(&gshm_self.fork_lock);
    bool full = !channel && (gshm_last_error() == GSHM_E_LIMIT || gshm_last_error() == GSHM_E_DESCRIPTORS);
    if (full && !waits) channel = take_idle(false, true);
    if (!channel) return -1;
  }
  int result = gshm_exchange(channel->fd, ++channel->serial, x);
  if (result == GSHM_EARLY) {
    owed = channel;
    return 0;
  }
  if (result == GSHM_BROKEN && gshm_last_error() == GSHM_E_DAEMON_LOST) unreachable();
  int error = errno; /* close() below may change it */
  give_back(channel, result == GSHM_BROKEN);
  errno = error;
  return result == GSHM_EXCHANGED ? 0 : -1;
}

/* No call is a cancellation point: of a thread that is gone the daemon would not know that it waits no more. */
static int request(const struct gshm_exchange *x, bool fork_held) {
  if (gshm_check(&gshm_self) != 0) return -1;
  int before;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  int result = request_now(x, fork_held);
  pthread_setcancelstate(before, NULL);
  return result;
}

int gshm_request(const struct gshm_exchange *x) { return request(x, false); }
int gshm_request_fork_held(const struct gshm_exchange *x) { return request(x, true); }

void gshm_channel_bye(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec++;
  /* exit() in a signal's handler may have stopped this very thread while it had the lock: then it counts as one that
   * died. */
  if (pthread_mutex_timedlock(&lock, &until) != 0) return;
  if (channels) gshm_say(channels->fd, GSHM_OP_BYE, MSG_DONTWAIT);
  pthread_mutex_unlock(&lock);
}

void gshm_channel_end_all(void) {
  pthread_mutex_lock(&lock);
  struct channel **at = &channels;
  while (*at) {
    struct channel *channel = *at;
    if (channel->busy) { /* its thread wakes, and gives it back */
      shutdown(channel->fd, SHUT_RDWR);
      at = &channel->next;
      continue;
    }
    *at = channel->next;
    close(channel->fd);
    free(channel);
  }
  idle = 0;
  pthread_mutex_unlock(&lock);
}

void gshm_channel_fork_prepare(void) { pthread_mutex_lock(&lock); }
void gshm_channel_fork_parent(void) { pthread_mutex_unlock(&lock); }

/* The parent's connections: the child must neither keep them open nor use them. */
void gshm_channel_fork_child(void) {
  pthread_mutex_init(&lock, NULL);
  pthread_cond_init(&given_back, NULL);
  while (channels) {
    struct channel *channel = channels;
    channels = channel->next;
    close(channel->fd);
    free(channel);
  }
  idle = 0;
  short_calls = 0;
  owed = NULL;
}
