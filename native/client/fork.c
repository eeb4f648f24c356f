/* fork.c: a registered process's child is registered before fork() returns in it.
 *
 * prepare: takes every lock of the library, so that the child finds its state whole, and has the
 * daemon number this fork; the fork event that the daemon reads next belongs to that number.
 * child: drops what is the parent's and introduces itself with the parent's token and that number. Of a process
 * without views there is no fork event: its child registers as any process does, and has its segments open, which the
 * daemon has noted on a connection of the parent's that the child inherits: the parent may end meanwhile. So does the child
 * of a process that traps its own faults: it inherits no views, and maps them anew.
 * Nothing here may fail the fork: a child that its daemon does not know gets DAEMON_LOST later. */
#include <unistd.h>

#include "client/direct.h"
#include "client/lock.h"
#include "client/process.h"
#include "client/trap.h"

static bool was_attached;
static enum gshm_error refused; /* why this fork has no number, if it has none */
static uint64_t number;
static bool bare; /* no views are inherited */
static bool trapped;
static int estate = -1;  /* the connection on which the daemon has noted what a bare child will have */
static uint64_t heritage; /* what the child shows of it; 0: there is nothing */

static void announce(void) {
  struct gshm_fork_reply reply = {0};
  struct gshm_exchange x = {.op = GSHM_OP_FORK, .reply = &reply, .reply_size = sizeof reply};
  refused = gshm_request_fork_held(&x) == 0 ? GSHM_OK : gshm_last_error();
  number = reply.fork;
}

static void close_estate(void) {
  if (estate >= 0) close(estate);
  estate = -1;
}

static void leave_estate(void) {
  heritage = 0;
  if (!gshm_self.segments && gshm_view_none()) return;
  struct gshm_hello_request hello = {.kind = GSHM_HELLO_ESTATE, .token = gshm_self.token};
  struct gshm_hello_reply reply;
  estate = gshm_connect(gshm_self.socket);
  if (estate >= 0 && gshm_say_hello(estate, hello, NULL, NULL, &reply) == GSHM_EXCHANGED) {
    heritage = reply.token;
    return;
  }
  refused = gshm_last_error();
  close_estate();
}

static void prepare(void) {
  int error = errno;
  pthread_mutex_lock(&gshm_self.lifecycle);
  was_attached = gshm_self.attached;
  if (!was_attached) return; /* lifecycle stays locked: nobody attaches during the fork */
  pthread_mutex_lock(&gshm_self.segments_lock);
  gshm_heap_fork_prepare();
  gshm_lock_fork_prepare();
  gshm_direct_fork_prepare();
  pthread_rwlock_wrlock(&gshm_self.fork_lock);
  trapped = gshm_trap_is_on();
  bare = trapped || gshm_view_none();
  refused = GSHM_OK;
  if (bare) leave_estate();
  else announce();
  gshm_view_fork_prepare();
  gshm_trap_fork_prepare();
  gshm_channel_fork_prepare();
  errno = error;
}

static void in_parent(void) {
  if (was_attached) {
    close_estate();
    gshm_channel_fork_parent();
    gshm_trap_fork_parent();
    gshm_view_fork_parent();
    pthread_rwlock_unlock(&gshm_self.fork_lock);
    gshm_direct_fork_parent();
    gshm_lock_fork_parent();
    gshm_heap_fork_parent();
    pthread_mutex_unlock(&gshm_self.segments_lock);
  }
  pthread_mutex_unlock(&gshm_self.lifecycle);
}

static int introduce_bare(int connection) {
  if (gshm_register(connection, heritage, trapped) != 0) return -1;
  return trapped ? gshm_trap_fork_again(gshm_map_tell) : 0;
}

static int introduce(int connection) {
  if (bare) return introduce_bare(connection);
  struct gshm_hello_request hello = {.kind = GSHM_HELLO_FORKED, .token = gshm_self.token, .fork = number};
  struct gshm_hello_reply reply;
  if (gshm_say_hello(connection, hello, NULL, &gshm_self.userfaultfd, &reply) != GSHM_EXCHANGED) return -1;
  gshm_self.token = reply.token;
  return gshm_channel_add(connection);
}

/* What the daemon knows of this child by its fork event alone it goes on serving. When it has died,
 * perhaps with the only descriptor that guards this memory, or knows nothing: SIGBUS, not zeros. */
static void lose(enum gshm_error why) {
  gshm_self.lost = true;
  if (trapped) gshm_trap_fork_again(NULL);
  if (why == GSHM_E_NO_DAEMON || why == GSHM_E_DAEMON_LOST || why == GSHM_E_DETACHED) gshm_break_views();
}

static void in_child(void) {
  int error = errno;
  pthread_mutex_init(&gshm_self.lifecycle, NULL);
  if (was_attached) {
    pthread_mutex_init(&gshm_self.segments_lock, NULL);
    pthread_rwlock_init(&gshm_self.fork_lock, NULL);
    gshm_heap_fork_child();
    gshm_lock_fork_child();
    gshm_direct_fork_child();
    gshm_view_fork_child();
    gshm_trap_fork_child();
    gshm_channel_fork_child();
    if (!trapped) close(gshm_self.userfaultfd); /* the parent's */
    gshm_self.userfaultfd = -1;
    int connection = refused ? -1 : gshm_connect(gshm_self.socket);
    if (connection < 0 || introduce(connection) != 0) {
      lose(refused ? refused : gshm_last_error());
      if (connection >= 0) close(connection);
    }
    close_estate();
  }
  errno = error;
}

int gshm_fork_watch(void) {
  static bool watching; /* under the lifecycle lock */
  if (watching) return 0;
  int error = pthread_atfork(prepare, in_parent, in_child);
  if (error != 0) return gshm_fail_system("pthread_atfork", error);
  watching = true;
  return 0;
}
