/* hostile: a local process that means ill to the daemon, and does to its device what a test says.
 *
 *   hostile SOCKET
 *
 * Every line of standard input is answered with one line:
 *   become UID GID       another user from now on, of no other group; `fresh` works once more
 *   connect              one more connection; its number
 *   crowd COUNT          COUNT connections that say nothing; how many were made
 *   send N KIND HEX      a packet, with a descriptor of that KIND: none, null (/dev/null), pipe,
 *                        fresh (a userfaultfd), used (one that UFFDIO_API was called on); "sent"
 *   flood N COUNT HEX    the same packet COUNT times, no reply read; how many could be sent
 *   receive N            "got HEX", or "closed"
 *   foreign AT LENGTH    maps memory that is no segment's at that address; "mapped"
 *   claim NAME           a memfd of that name, which it registers itself with the userfaultfd that it has registered
 *                        with; where it is
 *   touch AT             reads a byte there; "value V" or "sigbus" */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/fdpass.h"
#include "core/uffd.h"

#define ROOM 4096
#define CONNECTIONS_MAX 4096

static const char *path;
static int connections[CONNECTIONS_MAX];
static int count;
static sigjmp_buf back;
static int registered = -1; /* the last `fresh` one */
static int spare = -1; /* a userfaultfd made before it became another user */

static int one_more(void) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0 || count == CONNECTIONS_MAX || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
    perror("hostile: connect");
    exit(1);
  }
  connections[count] = fd;
  return count++;
}

static int descriptor(const char *kind) {
  int pair[2];
  if (!strcmp(kind, "null")) return open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (!strcmp(kind, "pipe") && pipe2(pair, O_CLOEXEC) == 0) {
    close(pair[1]);
    return pair[0];
  }
  if (strcmp(kind, "fresh") != 0 && strcmp(kind, "used") != 0) return -1;
  int fd = gshm_uffd_open();
  if (fd < 0) fd = dup(spare);
  if (!strcmp(kind, "fresh")) {
    close(registered);
    registered = dup(fd);
  }
  if (!strcmp(kind, "used") && gshm_uffd_api(fd, 0, NULL) != 0) exit(1);
  return fd;
}

static void become(unsigned uid, unsigned gid) {
  spare = gshm_uffd_open();
  puts(setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0 ? strerror(errno) : "become");
}

static size_t bytes_of(const char *hex, unsigned char *into) {
  size_t size = strspn(hex, "0123456789abcdef") / 2;
  for (size_t i = 0; i < size; i++) sscanf(hex + 2 * i, "%2hhx", &into[i]);
  return size;
}

static void send_one(int to, const char *kind, const char *hex) {
  unsigned char bytes[ROOM];
  size_t size = bytes_of(hex, bytes);
  int fd = descriptor(kind);
  int result = gshm_packet_send(to, bytes, size, &fd, fd >= 0, 0);
  if (fd >= 0) close(fd);
  puts(result == 0 ? "sent" : strerror(-result));
}

static void flood(int to, long times, const char *hex) {
  unsigned char bytes[ROOM];
  size_t size = bytes_of(hex, bytes);
  long sent = 0;
  while (sent < times && gshm_packet_send(to, bytes, size, NULL, 0, 0) == 0) sent++;
  printf("%ld\n", sent);
}

static void receive_one(int from) {
  unsigned char bytes[ROOM];
  struct gshm_packet packet;
  if (gshm_packet_receive(from, bytes, sizeof bytes, 0, &packet) != 1) {
    puts("closed");
    return;
  }
  gshm_packet_close_fds(&packet);
  printf("got ");
  for (size_t i = 0; i < packet.length; i++) printf("%02x", bytes[i]);
  puts("");
}

static void map_foreign(void *at, size_t length) {
  int fd = memfd_create("foreign", MFD_CLOEXEC);
  int flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
  int failed = ftruncate(fd, (off_t)length) != 0 || mmap(at, length, PROT_READ | PROT_WRITE, flags, fd, 0) != at;
  close(fd);
  puts(failed ? strerror(errno) : "mapped");
}

static void claim(const char *name) {
  int fd = memfd_create(name, MFD_CLOEXEC);
  void *at = MAP_FAILED;
  if (ftruncate(fd, GSHM_PAGE_SIZE) == 0)
    at = mmap(NULL, GSHM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int error = at == MAP_FAILED ? -errno : gshm_uffd_register(registered, (uintptr_t)at, GSHM_PAGE_SIZE);
  if (error == 0) printf("%p\n", at);
  else puts(strerror(-error));
}

static void caught(int signal) {
  (void)signal;
  siglongjmp(back, 1);
}

static void touch(const volatile unsigned char *at) {
  if (sigsetjmp(back, 1) != 0) puts("sigbus");
  else printf("value %d\n", *at);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  path = argv[1];
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGBUS, caught);
  char line[2 * ROOM + 64], hex[2 * ROOM + 1], kind[16];
  long number, amount;
  while (fgets(line, sizeof line, stdin)) {
    hex[0] = 0;
    unsigned uid, gid;
    if (!strcmp(line, "connect\n")) printf("%d\n", one_more());
    else if (sscanf(line, "become %u %u", &uid, &gid) == 2) become(uid, gid);
    else if (sscanf(line, "crowd %ld", &amount) == 1) {
      for (long i = 0; i < amount; i++) one_more();
      printf("%ld\n", amount);
    } else if (sscanf(line, "send %ld %15s %8192s", &number, kind, hex) >= 2) send_one(connections[number], kind, hex);
    else if (sscanf(line, "flood %ld %ld %8192s", &number, &amount, hex) == 3) flood(connections[number], amount, hex);
    else if (sscanf(line, "receive %ld", &number) == 1) receive_one(connections[number]);
    else if (sscanf(line, "foreign %li %li", &number, &amount) == 2) map_foreign((void *)number, (size_t)amount);
    else if (sscanf(line, "claim %15s", kind) == 1) claim(kind);
    else if (sscanf(line, "touch %li", &number) == 1) touch((void *)number);
    else return 2;
  }
  return 0;
}
