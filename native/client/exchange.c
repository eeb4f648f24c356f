/* exchange.c: frames to the daemon and back. See exchange.h. */
#include "client/exchange.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/error.h"
#include "core/clock.h"
#include "core/fdpass.h"

union packet {
  struct gshm_frame frame;
  unsigned char bytes[GSHM_FRAME_MAX];
};

int gshm_connect(const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof to.sun_path)
    return gshm_fail(GSHM_E_INVALID, "the socket path '%s' is longer than %zu bytes", path, sizeof to.sun_path - 1);
  strcpy(to.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return gshm_fail_system("socket", errno);
  int result;
  do result = connect(fd, (struct sockaddr *)&to, sizeof to);
  while (result != 0 && errno == EINTR);
  if (result == 0) return fd;
  int error = errno;
  close(fd);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
    case EPROTOTYPE:
      return gshm_fail(GSHM_E_NO_DAEMON,
                       "no gshmd listens at %s: start one (npx gshm up, npx gshm node) or set GSHM_SOCKET", path);
    case EACCES:
    case EPERM:
      return gshm_fail(GSHM_E_ACCESS, "%s: permission denied: the socket belongs to another user or group", path);
    default: return gshm_fail_system("connect", error);
  }
}

static int lost(int error) {
  if (error == EMFILE || error == ENFILE || error == ENOMEM) {
    gshm_fail_system("the device socket", error);
    return GSHM_BROKEN;
  }
  gshm_fail(GSHM_E_DAEMON_LOST, "%s", "");
  return GSHM_BROKEN;
}

static int malformed(struct gshm_packet *packet, const char *why) {
  gshm_packet_close_fds(packet);
  gshm_fail(GSHM_E_BAD_FRAME, "the daemon's reply is malformed: %s", why);
  return GSHM_BROKEN;
}

/* All of them or none. */
static void take_fds(struct gshm_packet *packet, const struct gshm_exchange *x) {
  bool whole = !packet->fds_lost && (unsigned)packet->fd_count <= x->received_max;
  if (!whole) gshm_packet_close_fds(packet);
  *x->received_count = (unsigned)packet->fd_count;
  memcpy(x->received, packet->fds, (size_t)packet->fd_count * sizeof *x->received);
}

static int take_reply(const union packet *in, struct gshm_packet *packet, uint32_t serial,
                      const struct gshm_exchange *x) {
  const struct gshm_frame *frame = &in->frame;
  if (packet->truncated || packet->length < sizeof *frame || frame->length != packet->length)
    return malformed(packet, "its length");
  if (frame->op != (x->op | GSHM_REPLY) || frame->serial != serial)
    return malformed(packet, "it answers another request");
  const unsigned char *body = in->bytes + sizeof *frame;
  size_t size = packet->length - sizeof *frame;
  if (frame->status != GSHM_OK) {
    gshm_packet_close_fds(packet);
    gshm_fail((enum gshm_error)frame->status, "%.*s", (int)size, (const char *)body);
    return GSHM_REFUSED;
  }
  if (size != x->reply_size) return malformed(packet, "its body's length");
  if (size > 0) memcpy(x->reply, body, size);
  if (!x->received) {
    gshm_packet_close_fds(packet);
    return GSHM_EXCHANGED;
  }
  if (x->received_count) {
    take_fds(packet, x);
    return GSHM_EXCHANGED;
  }
  if (packet->fd_count == 1) {
    *x->received = packet->fds[0];
    return GSHM_EXCHANGED;
  }
  if (!packet->fds_lost && x->may_lack) return GSHM_EXCHANGED;
  if (!packet->fds_lost) return malformed(packet, "no descriptor came with it");
  gshm_packet_close_fds(packet);
  gshm_fail_system("receiving a descriptor", EMFILE);
  return GSHM_REFUSED;
}

void gshm_say(int connection, uint16_t op, int flags) {
  struct gshm_frame frame = {.length = sizeof frame, .op = op};
  gshm_packet_send(connection, &frame, sizeof frame, NULL, 0, flags);
}

static void send_cancel(int connection) { gshm_say(connection, GSHM_OP_CANCEL, 0); }

void gshm_cancel(struct gshm_cancel *cancel) {
  pthread_mutex_lock(&cancel->lock);
  if (!cancel->cancelled && cancel->connection > 0) send_cancel(cancel->connection - 1);
  cancel->cancelled = true;
  pthread_mutex_unlock(&cancel->lock);
}

/* From here on the request can be cancelled on that connection; 0: no more. false: it has been already. */
static bool set_connection(struct gshm_cancel *cancel, int connection) {
  if (!cancel) return true;
  pthread_mutex_lock(&cancel->lock);
  bool late = cancel->cancelled;
  cancel->connection = connection;
  pthread_mutex_unlock(&cancel->lock);
  return !late;
}

/* Until there is an answer, or patience has ended. patience_ns 0: it does not. true: `early` came first. Once the
 * daemon is told to wait no more only its answer counts. */
static bool wait_patiently(int connection, uint64_t patience_ns, struct gshm_early *early) {
  uint64_t start = patience_ns > 0 ? gshm_now_ns() : 0;
  for (;;) {
    uint64_t past = patience_ns > 0 ? gshm_now_ns() - start : 0;
    if (patience_ns > 0 && past >= patience_ns) {
      send_cancel(connection);
      return false;
    }
    uint64_t left = patience_ns - past;
    struct timespec wait = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
    struct pollfd both[] = {{.fd = connection, .events = POLLIN}, {.fd = early ? early->fd : -1, .events = POLLIN}};
    if (ppoll(both, 2, patience_ns > 0 ? &wait : NULL, NULL) <= 0) continue;
    if (both[1].revents && early->came(early)) return true;
    if (both[0].revents) return false;
  }
}

int gshm_exchange(int connection, uint32_t serial, const struct gshm_exchange *x) {
  union packet out = {.frame = {.op = x->op, .serial = serial}};
  out.frame.length = (uint32_t)(sizeof out.frame + x->body_size);
  if (x->body_size > 0) memcpy(out.bytes + sizeof out.frame, x->body, x->body_size);
  int error = gshm_packet_send(connection, out.bytes, out.frame.length, x->pass, x->pass ? 1 : 0, 0);
  bool late = error == 0 && !set_connection(x->cancel, connection + 1);
  if (late) send_cancel(connection);
  bool polls = error == 0 && (x->patience_ns > 0 || x->early);
  if (polls && wait_patiently(connection, x->patience_ns, x->early)) return GSHM_EARLY;
  /* A daemon that has no room for us answers and closes before it has read anything: look for that
   * answer even when sending failed. */
  union packet in;
  struct gshm_packet packet;
  int got = gshm_packet_receive(connection, in.bytes, sizeof in.bytes, error < 0 ? MSG_DONTWAIT : 0, &packet);
  set_connection(x->cancel, 0);
  if (got <= 0) return lost(error < 0 ? -error : -got);
  return take_reply(&in, &packet, serial, x);
}

bool gshm_exchange_drop(int connection) {
  union packet in;
  struct gshm_packet packet;
  if (gshm_packet_receive(connection, in.bytes, sizeof in.bytes, 0, &packet) <= 0) return false;
  gshm_packet_close_fds(&packet);
  return true;
}

int gshm_say_hello(int connection, struct gshm_hello_request hello, const int *pass, int *received,
                   struct gshm_hello_reply *reply) {
  hello.abi = GSHM_ABI_VERSION;
  struct gshm_exchange x = {
      .op = GSHM_OP_HELLO,
      .body = &hello,
      .body_size = sizeof hello,
      .pass = pass,
      .reply = reply,
      .reply_size = sizeof *reply,
      .received = received,
  };
  return gshm_exchange(connection, 0, &x);
}

int gshm_say_hello_trapped(int connection, uint64_t parent, int received[2], struct gshm_hello_reply *reply) {
  struct gshm_hello_request hello = {.abi = GSHM_ABI_VERSION, .kind = GSHM_HELLO_TRAPPED, .token = parent};
  unsigned count = 0;
  struct gshm_exchange x = {
      .op = GSHM_OP_HELLO,
      .body = &hello,
      .body_size = sizeof hello,
      .reply = reply,
      .reply_size = sizeof *reply,
      .received = received,
      .received_count = &count,
      .received_max = 2,
  };
  int result = gshm_exchange(connection, 0, &x);
  if (result != GSHM_EXCHANGED || count == 2) return result;
  if (count == 1) close(received[0]);
  gshm_fail_system("receiving descriptors", EMFILE);
  return GSHM_REFUSED;
}
