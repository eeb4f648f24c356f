/* stream_floors: how fast bytes go through a TCP connection of this machine's loopback, and through memcpy.
 *
 *   stream_floors MEBIBYTES
 *
 * Prints a JSON object of bytes per second: `tcp`, a process that sends pieces of 64 KiB to one that receives them, and
 * `memcpy` of as much, from one buffer to another, both larger than caches and touched before. */
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "measure.h"
#include "round_trips.h"

#define PIECE (64u << 10)

static char piece[PIECE];

static void send_all(int fd, uint64_t bytes) {
  while (bytes > 0) {
    ssize_t sent = send(fd, piece, bytes < PIECE ? bytes : PIECE, MSG_NOSIGNAL);
    if (sent <= 0) die("send");
    bytes -= (uint64_t)sent;
  }
}

static double tcp(uint64_t bytes) {
  int pair[2];
  tcp_pair(pair);
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char go;
    if (recv(pair[1], &go, 1, 0) != 1) die("recv");
    send_all(pair[1], bytes);
    _exit(0);
  }
  double before = now_us();
  if (send(pair[0], "", 1, MSG_NOSIGNAL) != 1) die("send");
  for (uint64_t left = bytes; left > 0;) {
    ssize_t got = recv(pair[0], piece, PIECE, 0);
    if (got <= 0) die("recv");
    left -= (uint64_t)got;
  }
  double seconds = (now_us() - before) / 1e6;
  close(pair[0]);
  close(pair[1]);
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) die("the sender");
  return (double)bytes / seconds;
}

static double copy(uint64_t bytes) {
  char *from = malloc(bytes), *into = malloc(bytes);
  if (!from || !into) die("malloc");
  memset(from, 1, bytes);
  memset(into, 2, bytes);
  double before = now_us();
  memcpy(into, from, bytes);
  double seconds = (now_us() - before) / 1e6;
  if (((volatile char *)into)[bytes - 1] != 1) die("memcpy");
  free(from);
  free(into);
  return (double)bytes / seconds;
}

int main(int argc, char **argv) {
  long mebibytes = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
  if (mebibytes < 1 || mebibytes > 4096) return fprintf(stderr, "usage: stream_floors MEBIBYTES (1 to 4096)\n"), 2;
  uint64_t bytes = (uint64_t)mebibytes << 20;
  printf("{\"tcp\":%.0f,\"memcpy\":%.0f}\n", tcp(bytes), copy(bytes));
  return 0;
}
