/* raw_client: a process that speaks the device protocol by hand, without libgshm, and touches memory
 * as the test's lines on its standard input say.
 *
 *   raw_client SOCKET PAGES
 *
 * It registers, creates segment "raw" of PAGES pages, maps it and says "ready BASE". Then every line
 * "TAG COMMAND ARGUMENTS..." runs in a thread of its own and is answered with "TAG RESULT" when it is
 * done; offsets are bytes in the view. After `fork` a line that starts with "child" goes to the child. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/device.h"
#include "core/fdpass.h"
#include "core/uffd.h"

static char *base;
static int uffd;
static int to_child = -1;
static __thread sigjmp_buf back;
static __thread volatile bool touching;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void on_sigbus(int signal_number) {
  (void)signal_number;
  if (!touching) _exit(3);
  siglongjmp(back, 1);
}

/* One request, one reply; gives the descriptor passed with the reply, or -1. */
static int call(int socket, uint16_t op, const void *body, size_t size, int pass, void *reply, size_t reply_size) {
  struct {
    struct gshm_frame frame;
    char body[GSHM_FRAME_MAX - sizeof(struct gshm_frame)];
  } buffer = {.frame = {.length = (uint32_t)(sizeof buffer.frame + size), .op = op, .serial = op}};
  memcpy(buffer.body, body, size);
  if (gshm_packet_send(socket, &buffer, buffer.frame.length, &pass, pass >= 0, 0) != 0) die("send");
  struct gshm_packet packet;
  if (gshm_packet_receive(socket, &buffer, sizeof buffer, 0, &packet) != 1) die("receive");
  if (buffer.frame.status != 0 || buffer.frame.op != (op | GSHM_REPLY) || buffer.frame.serial != op) {
    printf("refused %d %.*s\n", buffer.frame.status, (int)(packet.length - sizeof buffer.frame), buffer.body);
    exit(1);
  }
  if (packet.length != sizeof buffer.frame + reply_size) die("reply length");
  memcpy(reply, buffer.body, reply_size);
  return packet.fd_count ? packet.fds[0] : -1;
}

static void attach(const char *path, uint64_t pages) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (connect(socket_fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  uffd = gshm_uffd_open();
  if (uffd < 0) die("userfaultfd");

  struct gshm_hello_request hello = {.abi = GSHM_ABI_VERSION, .kind = GSHM_HELLO_REGISTER};
  struct gshm_hello_reply hello_reply;
  call(socket_fd, GSHM_OP_HELLO, &hello, sizeof hello, uffd, &hello_reply, sizeof hello_reply);
  struct gshm_create_request create = {.size = pages * GSHM_PAGE_SIZE, .mode = 0600, .name = "raw"};
  struct gshm_segment_info info;
  int memfd = call(socket_fd, GSHM_OP_CREATE, &create, sizeof create, -1, &info, sizeof info);
  base = mmap(NULL, create.size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, memfd, 0);
  if (base == MAP_FAILED) die("mmap");
  close(memfd);
  struct gshm_map_request map = {.segment = info.segment, .address = (uintptr_t)base, .length = create.size};
  call(socket_fd, GSHM_OP_MAP, &map, sizeof map, -1, NULL, 0);
  if (mprotect(base, create.size, PROT_READ | PROT_WRITE) != 0) die("mprotect");
}

static void answer(const char *tag, const char *result) {
  char line[128];
  int length = snprintf(line, sizeof line, "%s %s\n", tag, result);
  if (write(STDOUT_FILENO, line, (size_t)length) != length) exit(1);
}

static void serve(FILE *input);

static void do_fork(const char *tag) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) die("pipe");
  pid_t pid = fork();
  char result[32];
  if (pid == 0) {
    close(ends[1]);
    serve(fdopen(ends[0], "r"));
    exit(0);
  }
  close(ends[0]);
  to_child = ends[1];
  snprintf(result, sizeof result, "%d", pid);
  answer(tag, pid > 0 ? result : strerror(errno));
}

static void touch(const char *tag, const char *command, char *at, uint64_t value) {
  char result[32] = "done";
  touching = true;
  if (sigsetjmp(back, 1)) {
    touching = false;
    return answer(tag, "sigbus");
  }
  if (strcmp(command, "read") == 0) snprintf(result, sizeof result, "%llu", *(volatile unsigned long long *)at);
  else *(volatile uint64_t *)at = value;
  touching = false;
  answer(tag, result);
}

/* Reads one word until the access raises SIGBUS, which is the answer; or until it reads as zero. */
static void hammer(const char *tag, const volatile uint64_t *at) {
  touching = true;
  if (sigsetjmp(back, 1)) {
    touching = false;
    return answer(tag, "sigbus");
  }
  answer(tag, *at ? "reading" : "zero");
  while (*at) {
  }
  touching = false;
  answer(tag, "zero");
}

/* read(2) of one page of zeros straight into the view. */
static void fill(const char *tag, char *at) {
  int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  ssize_t length = read(zero, at, GSHM_PAGE_SIZE);
  answer(tag, length == GSHM_PAGE_SIZE ? "done" : strerror(errno));
  close(zero);
}

static void *run(void *line) {
  char tag[16] = "", command[16] = "";
  unsigned long long a = 0, b = 0, c = 0;
  int words = sscanf(line, "%15s %15s %llu %llu %llu", tag, command, &a, &b, &c);
  free(line);
  int result = 0;
  if (words < 2) return NULL;
  if (strcmp(command, "read") == 0 || strcmp(command, "write") == 0) return touch(tag, command, base + a, b), NULL;
  if (strcmp(command, "fill") == 0) return fill(tag, base + a), NULL;
  if (strcmp(command, "hammer") == 0) return hammer(tag, (uint64_t *)(base + a)), NULL;
  if (strcmp(command, "fork") == 0) return do_fork(tag), NULL;
  if (strcmp(command, "move") == 0)
    result = mremap(base + a, b, b, MREMAP_MAYMOVE | MREMAP_FIXED, base + c) == MAP_FAILED ? -1 : 0;
  else if (strcmp(command, "unmap") == 0) result = munmap(base + a, b);
  else if (strcmp(command, "drop") == 0) result = madvise(base + a, b, MADV_DONTNEED);
  else if (strcmp(command, "remove") == 0) result = madvise(base + a, b, MADV_REMOVE);
  else if (strcmp(command, "blocking") == 0) result = fcntl(uffd, F_SETFL, fcntl(uffd, F_GETFL) & ~O_NONBLOCK);
  answer(tag, result == 0 ? "done" : strerror(errno));
  return NULL;
}

static void serve(FILE *input) {
  char line[256];
  while (fgets(line, sizeof line, input)) {
    if (strncmp(line, "child ", 6) == 0) {
      if (write(to_child, line + 6, strlen(line + 6)) < 0) die("write");
      continue;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, strdup(line)) != 0) die("pthread_create");
    pthread_detach(thread);
  }
}

int main(int count, char **words) {
  if (count != 3) return 2;
  struct sigaction action = {.sa_handler = on_sigbus, .sa_flags = SA_NODEFER};
  sigaction(SIGBUS, &action, NULL);
  attach(words[1], strtoull(words[2], NULL, 10));
  char ready[32];
  snprintf(ready, sizeof ready, "%llu", (unsigned long long)(uintptr_t)base);
  answer("ready", ready);
  serve(stdin);
  return 0;
}
