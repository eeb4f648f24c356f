/* raw_frames: sends whatever packets a test wants to a device socket.
 *
 *   raw_frames SOCKET
 *
 * Lines of standard input: "open" makes a new connection and closes the old one (answer "open"),
 * "another" the same without closing, "send FDS HEX" sends the bytes with FDS descriptors of
 * /dev/null (answer "sent" or an error's
 * text), "receive" waits for one packet (answer "got FDS HEX", or "closed"). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM 4096

static int connection(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) perror("connect");
  return fd;
}

static void send_packet(int fd, const char *hex, int fds) {
  unsigned char bytes[ROOM];
  size_t size = strspn(hex, "0123456789abcdef") / 2;
  for (size_t i = 0; i < size; i++) sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
  struct iovec vector = {.iov_base = bytes, .iov_len = size};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fds > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fds);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fds);
    for (int i = 0; i < fds; i++) memcpy(CMSG_DATA(c) + sizeof(int) * (size_t)i, &null, sizeof null);
  }
  if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) perror("send");
  puts("sent");
  close(null);
}

static void receive_packet(int fd) {
  unsigned char bytes[ROOM];
  char control[CMSG_SPACE(sizeof(int) * 4)];
  struct iovec vector = {.iov_base = bytes, .iov_len = sizeof bytes};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (size <= 0) {
    puts("closed");
    return;
  }
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  printf("got %zu ", c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0);
  for (ssize_t i = 0; i < size; i++) printf("%02x", bytes[i]);
  puts("");
}

int main(int count, char **words) {
  if (count != 2) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  int fd = connection(words[1]);
  char line[2 * ROOM + 32], hex[2 * ROOM + 1];
  while (fgets(line, sizeof line, stdin)) {
    int fds;
    if (strncmp(line, "open", 4) == 0 || strncmp(line, "another", 7) == 0) {
      if (line[0] == 'o') close(fd);
      fd = connection(words[1]);
      puts("open");
    } else if (strncmp(line, "receive", 7) == 0) {
      receive_packet(fd);
    } else if (hex[0] = 0, sscanf(line, "send %d %8192s", &fds, hex) >= 1) {
      send_packet(fd, hex, fds);
    }
  }
  return 0;
}
