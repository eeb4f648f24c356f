/* attach.c: registration with the node's daemon, and its end. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/direct.h"
#include "client/lock.h"
#include "client/process.h"
#include "client/trap.h"

struct gshm gshm_self = {
    .lifecycle = PTHREAD_MUTEX_INITIALIZER,
    .segments_lock = PTHREAD_MUTEX_INITIALIZER,
    .fork_lock = PTHREAD_RWLOCK_INITIALIZER,
    .userfaultfd = -1,
};

int gshm_check(const gshm *g) {
  if (g != &gshm_self || !gshm_self.attached)
    return gshm_fail(GSHM_E_DETACHED, "this process is not attached: it must attach first");
  if (gshm_self.lost)
    return gshm_fail(GSHM_E_DAEMON_LOST, "the daemon did not learn of this process when it was forked");
  return 0;
}

static int take_reply(const struct gshm_hello_reply *reply) {
  if (reply->page_size != GSHM_PAGE_SIZE || sysconf(_SC_PAGESIZE) != GSHM_PAGE_SIZE)
    return gshm_fail(GSHM_E_UNSUPPORTED, "pages of %u bytes are needed", GSHM_PAGE_SIZE);
  gshm_self.token = reply->token;
  gshm_self.node = reply->node;
  gshm_self.nodes = reply->nodes;
  return 0;
}

static int introduce(int connection, uint64_t parent) {
  struct gshm_hello_request hello = {.kind = GSHM_HELLO_REGISTER, .token = parent};
  struct gshm_hello_reply reply;
  if (gshm_say_hello(connection, hello, &gshm_self.userfaultfd, NULL, &reply) != GSHM_EXCHANGED) return -1;
  return take_reply(&reply);
}

static int register_userfaultfd(int connection, uint64_t parent) {
  gshm_self.userfaultfd = gshm_userfaultfd_obtain(connection);
  if (gshm_self.userfaultfd >= 0 && introduce(connection, parent) == 0 && gshm_channel_add(connection) == 0) return 0;
  int error = errno;
  if (gshm_self.userfaultfd >= 0) close(gshm_self.userfaultfd);
  gshm_self.userfaultfd = -1;
  errno = error;
  return -1;
}

static int register_trapped(int connection, uint64_t parent) {
  struct gshm_hello_reply reply;
  int passed[2];
  if (gshm_say_hello_trapped(connection, parent, passed, &reply) != GSHM_EXCHANGED) return -1;
  if (gshm_trap_begin(passed[0], passed[1]) != 0) return -1;
  if (take_reply(&reply) == 0 && gshm_channel_add(connection) == 0) return 0;
  int error = errno;
  gshm_trap_end();
  errno = error;
  return -1;
}

int gshm_register(int connection, uint64_t parent, bool trapped) {
  return trapped ? register_trapped(connection, parent) : register_userfaultfd(connection, parent);
}

/* A connection, and this process registered on it. */
static int connect_registered(bool trapped) {
  int connection = gshm_connect(gshm_self.socket);
  if (connection < 0) return -1;
  if (gshm_register(connection, 0, trapped) == 0) return 0;
  int error = errno;
  close(connection);
  errno = error;
  return -1;
}

static int register_process(const char *socket) {
  if (socket && strlen(socket) >= sizeof gshm_self.socket)
    return gshm_fail(GSHM_E_INVALID, "the socket path '%s' is longer than %zu bytes", socket,
                     sizeof gshm_self.socket - 1);
  if (socket) strcpy(gshm_self.socket, socket);
  else if (gshm_find_socket(gshm_self.socket, sizeof gshm_self.socket) != 0) return -1;
  if (gshm_fork_watch() != 0) return -1;
  enum gshm_trap_choice choice;
  if (gshm_trap_choose(&choice) != 0) return -1;
  if (choice == GSHM_TRAP_MPROTECT) return connect_registered(true);
  if (connect_registered(false) == 0) return 0;
  /* The host forbids it, or its kernel has not all of it: this process can trap its faults itself. */
  enum gshm_error why = gshm_last_error();
  if (choice == GSHM_TRAP_USERFAULTFD || (why != GSHM_E_NO_USERFAULTFD && why != GSHM_E_KERNEL_FEATURES)) return -1;
  return connect_registered(true);
}

gshm *gshm_attach(const char *socket) {
  pthread_mutex_lock(&gshm_self.lifecycle);
  if (!gshm_self.attached) {
    gshm_self.lost = false;
    gshm_self.writes_lazily = false;
    gshm_lock_attached();
    gshm_self.attached = register_process(socket) == 0;
  }
  gshm *result = gshm_self.attached ? &gshm_self : NULL;
  pthread_mutex_unlock(&gshm_self.lifecycle);
  return result;
}

int gshm_detach(gshm *g) {
  pthread_mutex_lock(&gshm_self.lifecycle);
  if (g != &gshm_self || !gshm_self.attached) {
    pthread_mutex_unlock(&gshm_self.lifecycle);
    return gshm_fail(GSHM_E_DETACHED, "%s", "");
  }
  /* First, while requests can be made; what another thread writes meanwhile is in no order with the detach. */
  int result = gshm_self.writes_lazily && !gshm_self.lost ? gshm_release_all() : 0;
  int error = errno;
  gshm_lock_detached();
  gshm_self.attached = false; /* from here on no new view, segment or connection */
  pthread_rwlock_wrlock(&gshm_self.fork_lock); /* a gshm_map that is under way ends first */
  pthread_rwlock_unlock(&gshm_self.fork_lock);
  struct gshm_piece piece;
  while (gshm_view_take(0, 0, &piece)) {
    if (gshm_unmap_piece(&piece) == 0) continue;
    result = -1;
    error = errno;
  }
  /* Connections before segments: a thread may hold segments_lock while it waits for an answer. */
  gshm_channel_bye();
  gshm_channel_end_all();
  gshm_direct_detached();
  gshm_segment_forget_all();
  gshm_trap_end();
  if (gshm_self.userfaultfd >= 0) close(gshm_self.userfaultfd);
  gshm_self.userfaultfd = -1;
  pthread_mutex_unlock(&gshm_self.lifecycle);
  if (result != 0) errno = error;
  return result;
}

/* exit() and a return from main end it in order; a signal, abort() and _exit() do not. */
static __attribute__((destructor)) void ends(void) {
  if (gshm_self.attached && !gshm_self.lost) gshm_channel_bye();
}

uint64_t gshm_registration(void) { return gshm_self.attached ? gshm_self.token : 0; }

uint32_t gshm_node(gshm *g) { return g ? g->node : 0; }
uint32_t gshm_nodes(gshm *g) { return g ? g->nodes : 0; }
