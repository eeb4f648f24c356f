/* main.c: gshm-keeper, for when the daemon dies.
 *
 * A process whose last userfaultfd reference is closed goes on and reads zeros. So this program
 * holds every userfaultfd and memfd of the node's daemon, does nothing while the daemon lives
 * (hold), and turns every access into SIGBUS, every lock into DAEMON_LOST, once it is dead (guard.c). Its end of the socket is
 * descriptor GSHM_KEEPER_SOCKET; the end of the stream is the end of the daemon. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/keeper.h"
#include "core/fdpass.h"
#include "guard.h"
#include "holdings.h"

/* Whoever ends the daemon by a signal to a group or session must not end this program too: the
 * processes it guards would read zeros. It leaves by itself when nobody needs it. */
static void stay(void) {
  setsid(); /* fails harmlessly where the daemon has done it */
  prctl(PR_SET_NAME, "gshm-keeper");
  static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static void apply(struct holdings *held, const struct gshm_keeper_message *message, struct gshm_packet *packet) {
  int *fds = packet->fds;
  switch (message->kind) {
    case GSHM_KEEPER_ADD_CHANNEL:
      if (packet->fd_count < 1) break;
      holdings_add_channel(held, message->id, fds[0], packet->fd_count > 1 ? fds[1] : -1);
      return; /* the descriptors are in use now */
    case GSHM_KEEPER_ADD_TRAPPED:
      if (packet->fd_count < 1) break;
      holdings_add_trapped(held, message->id, fds[0], packet->fd_count > 1 ? fds[1] : -1);
      return;
    case GSHM_KEEPER_ADD_FRAMES:
      if (packet->fd_count < 1) break;
      holdings_add_frames(held, message->id, fds[0]);
      return;
    case GSHM_KEEPER_ADD_LOCKS:
      if (packet->fd_count < 1) break;
      holdings_add_locks(held, message->id, fds[0]);
      return;
    case GSHM_KEEPER_DROP_LOCKS: holdings_drop_locks(held, message->id); break;
    case GSHM_KEEPER_DROP_CHANNEL: holdings_drop_channel(held, message->id); break;
    case GSHM_KEEPER_DROP_FRAMES: holdings_drop_frames(held, message->id); break;
    default: fprintf(stderr, "gshm-keeper: unknown message %u\n", message->kind);
  }
  gshm_packet_close_fds(packet);
}

/* Takes what the daemon hands over until the daemon is dead. */
static void hold(struct holdings *held) {
  for (;;) {
    struct gshm_keeper_message message;
    struct gshm_packet packet;
    int result = gshm_packet_receive(GSHM_KEEPER_SOCKET, &message, sizeof message, 0, &packet);
    if (result <= 0) return;
    if (packet.fds_lost)
      fprintf(stderr, "gshm-keeper: out of file descriptors: raise ulimit -n; "
                      "should gshmd die, a process of it would read zeros\n");
    if (packet.length == sizeof message) apply(held, &message, &packet);
    else gshm_packet_close_fds(&packet);
  }
}

int main(void) {
  stay();
  char nothing;
  if (recv(GSHM_KEEPER_SOCKET, &nothing, 0, MSG_PEEK | MSG_DONTWAIT) < 0 && errno != EAGAIN) {
    fprintf(stderr, "gshm-keeper is started by gshmd, with a socket on descriptor %d\n", GSHM_KEEPER_SOCKET);
    return 2;
  }
  struct holdings held = {0};
  hold(&held);
  close(GSHM_KEEPER_SOCKET);
  if (held.channels > 0 || held.trapped_count > 0) stand_guard(&held);
  return 0;
}
