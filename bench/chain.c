/* chain.c: see chain.h. */
#include "chain.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "round_trips.h"

#define BYTES 64

/* The process's end of its unix socket. */
static int end;

static int take(void) {
  char bytes[BYTES];
  return recv(end, bytes, sizeof bytes, 0) == sizeof bytes ? 0 : -1;
}
static int give(void) {
  char bytes[BYTES] = {0};
  return send(end, bytes, sizeof bytes, MSG_NOSIGNAL) == sizeof bytes ? 0 : -1;
}
static const struct lock_calls calls = {.lock = take, .unlock = give};

static pid_t child(void) {
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

/* What comes by one of the two goes by the other, until it is killed. */
static pid_t relay(int device, int peer) {
  pid_t pid = child();
  if (pid != 0) return pid;
  int both[2] = {device, peer}, poll = epoll_create1(EPOLL_CLOEXEC);
  if (poll < 0) die("epoll_create1");
  for (int i = 0; i < 2; i++)
    if (epoll_ctl(poll, EPOLL_CTL_ADD, both[i], &(struct epoll_event){.events = EPOLLIN, .data.u32 = (uint32_t)i}) != 0)
      die("epoll_ctl");
  for (;;) {
    struct epoll_event event;
    if (epoll_wait(poll, &event, 1, -1) != 1) continue;
    char bytes[BYTES];
    ssize_t got = recv(both[event.data.u32], bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0 && send(both[1 - event.data.u32], bytes, (size_t)got, MSG_NOSIGNAL) != got) die("send");
  }
}

double chain(struct meeting *meeting, int count, double *samples) {
  int here[2], there[2], peers[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, here) < 0 ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, there) < 0)
    die("socketpair");
  tcp_pair(peers);
  pid_t relays[] = {relay(here[1], peers[0]), relay(there[1], peers[1])};
  pid_t other = child();
  end = other == 0 ? there[0] : here[0];
  if (alternate(meeting, &calls, other != 0, 0, count, samples) != 0) die("alternate");
  if (other == 0) _exit(0);
  waitpid(other, NULL, 0);
  for (int i = 0; i < 2; i++) {
    kill(relays[i], SIGKILL);
    waitpid(relays[i], NULL, 0);
    close(here[i]);
    close(there[i]);
    close(peers[i]);
  }
  return median(samples, count);
}
