/* round_trips.c: see round_trips.h. */
#include "round_trips.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

static void all(int fd, char *bytes, size_t count, int sending) {
  while (count > 0) {
    ssize_t n = sending ? send(fd, bytes, count, MSG_NOSIGNAL) : recv(fd, bytes, count, 0);
    if (n <= 0) {
      if (!sending && n == 0) _exit(0);
      die(sending ? "send" : "recv");
    }
    bytes += n;
    count -= (size_t)n;
  }
}

/* 64 bytes by `fd`, `bytes` back from a child that has `other`. */
static double round_trips(int fd, int other, size_t bytes, int count, double *samples) {
  static char request[64], reply[REPLY_MAX];
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(fd);
    for (;;) {
      all(other, request, sizeof request, 0);
      all(other, reply, bytes, 1);
    }
  }
  close(other);
  for (int i = 0; i < count; i++) {
    double before = now_us();
    all(fd, request, sizeof request, 1);
    all(fd, reply, bytes, 0);
    samples[i] = now_us() - before;
  }
  close(fd);
  waitpid(child, NULL, 0);
  return median(samples, count);
}

void tcp_pair(int pair[2]) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) < 0 || listen(listener, 1) < 0 ||
      getsockname(listener, (struct sockaddr *)&at, &size) < 0)
    die("listen");
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&at, size) < 0) die("connect");
  int other = accept(listener, NULL, NULL), on = 1;
  if (other < 0) die("accept");
  close(listener);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(other, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  pair[0] = fd;
  pair[1] = other;
}

double tcp_round_trip(size_t bytes, int count, double *samples) {
  int pair[2];
  tcp_pair(pair);
  return round_trips(pair[0], pair[1], bytes, count, samples);
}

double device_round_trip(int count, double *samples) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) die("socketpair");
  return round_trips(pair[0], pair[1], 64, count, samples);
}
