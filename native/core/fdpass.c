/* fdpass.c: SCM_RIGHTS, with every way it can go half wrong made visible. See fdpass.h. */
#include "fdpass.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * GSHM_FDS_MAX)];
};

static void take_fds(struct msghdr *message, struct gshm_packet *packet) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      if (packet->fd_count < GSHM_FDS_MAX) packet->fds[packet->fd_count++] = fd;
      else close(fd);
    }
  }
}

int gshm_packet_receive(int socket, void *into, size_t size, int flags, struct gshm_packet *packet) {
  union control control;
  struct iovec vector = {.iov_base = into, .iov_len = size};
  struct msghdr message = {
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  memset(packet, 0, sizeof *packet);
  ssize_t length;
  do length = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  while (length < 0 && errno == EINTR);
  if (length < 0) return -errno;
  take_fds(&message, packet);
  packet->length = (size_t)length;
  packet->truncated = (message.msg_flags & MSG_TRUNC) != 0;
  /* MSG_CTRUNC with room left: the kernel could not install a descriptor here. */
  if (message.msg_flags & MSG_CTRUNC) packet->fds_lost = packet->fd_count == GSHM_FDS_MAX ? 1 : 2;
  if (length > 0) return 1;
  gshm_packet_close_fds(packet);
  return 0;
}

void gshm_packet_close_fds(struct gshm_packet *packet) {
  for (int i = 0; i < packet->fd_count; i++) close(packet->fds[i]);
  packet->fd_count = 0;
}

int gshm_packet_send(int socket, const void *data, size_t size, const int *fds, int count, int flags) {
  assert(count >= 0 && count <= GSHM_FDS_MAX);
  union control control;
  struct iovec vector = {.iov_base = (void *)data, .iov_len = size};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}
