/* bystander: a plain program that links nothing of globalshm, and looks at what it can see of it.
 *
 *   bystander faults                      does a fixed work; prints its page faults and what it has
 *                                         of userfaultfds, shared frames and preloads
 *   bystander reach SOCKET PID SEGMENT    tries to get at a segment of the daemon PID; prints a line
 *                                         for each way that was open */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/device.h"

#define MIB (1 << 20)

static long minor_faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

/* Anonymous, shared and file memory, a fork, a pipe: all of it from fresh pages. */
static void work(void) {
  char *own = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *shared = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (own == MAP_FAILED || shared == MAP_FAILED) _exit(3);
  for (int at = 0; at < 8 * MIB; at += 4096) own[at] = (char)at;
  for (int at = 0; at < 4 * MIB; at += 4096) shared[at] = own[at];
  pid_t child = fork();
  if (child == 0) {
    for (int at = 0; at < 4 * MIB; at += 4096) shared[at]++;
    _exit(0);
  }
  if (child < 0 || waitpid(child, NULL, 0) != child) _exit(3);
  for (int at = 0; at < 8 * MIB; at += 4096) own[at]++; /* copies on write */
  madvise(own, 8 * MIB, MADV_DONTNEED);
  for (int at = 0; at < 8 * MIB; at += 4096) own[at]++;
  munmap(own, 8 * MIB);
  munmap(shared, 4 * MIB);
}

static int lines_with(const char *file, const char *text) {
  char *line = NULL;
  size_t size = 0;
  int count = 0;
  FILE *in = fopen(file, "re");
  while (in && getline(&line, &size, in) > 0) count += strstr(line, text) != NULL;
  if (in) fclose(in);
  free(line);
  return count;
}

static int descriptors_of(const char *pid, const char *text, char found[320]) {
  char dir[64], path[320], target[256];
  int count = 0;
  snprintf(dir, sizeof dir, "/proc/%s/fd", pid);
  DIR *fds = opendir(dir);
  for (struct dirent *entry; fds && (entry = readdir(fds));) {
    snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) continue;
    target[length] = 0;
    if (!strstr(target, text)) continue;
    count++;
    if (found) strcpy(found, path);
  }
  if (fds) closedir(fds);
  return count;
}

static int faults(char **argv) {
  /* The same addresses in every run: how many page tables are needed depends on them. */
  if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
    personality(ADDR_NO_RANDOMIZE);
    execv("/proc/self/exe", argv);
    return 3;
  }
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* huge pages come when there happen to be some */
  long before = minor_faults();
  work();
  long count = minor_faults() - before;
  printf("faults %ld userfaultfds %d frames %d libraries %d preload %d\n", count,
         descriptors_of("self", "userfaultfd", NULL), lines_with("/proc/self/maps", "memfd:"),
         lines_with("/proc/self/maps", "gshm"), getenv("LD_PRELOAD") != NULL);
  return 0;
}

static void report(const char *way, int result) {
  if (result >= 0) printf("open: %s\n", way);
}

/* A request without a hello: whether it brought a descriptor or a success. */
static int ask(const char *socket_path, const char *segment) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", socket_path);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return printf("connect: %s\n", strerror(errno)), -1;
  struct {
    struct gshm_frame frame;
    struct gshm_open_request open;
  } request = {.frame = {.length = sizeof request, .op = GSHM_OP_OPEN, .serial = 1}};
  snprintf(request.open.name, sizeof request.open.name, "%s", segment);
  char bytes[GSHM_FRAME_MAX], control[256];
  struct iovec in = {bytes, sizeof bytes};
  struct msghdr message = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (send(fd, &request, sizeof request, 0) < 0 || recvmsg(fd, &message, 0) <= 0) return -1;
  printf("connect: answered\n");
  bool success = ((struct gshm_frame *)bytes)->status == GSHM_OK;
  return success || message.msg_controllen > 0 ? 0 : -1;
}

static int reach(const char *socket_path, const char *daemon, const char *segment) {
  char path[320], number[32] = "";
  pid_t pid = atoi(daemon);
  snprintf(path, sizeof path, "/%s", segment);
  report("shm_open", shm_open(path, O_RDWR, 0));
  snprintf(path, sizeof path, "/dev/shm/%s", segment);
  report("/dev/shm", open(path, O_RDWR));
  report("the memfd's name", open("/memfd:gshm:1", O_RDWR));
  report("the names of the daemon's descriptors", descriptors_of(daemon, "memfd:gshm", path) > 0 ? open(path, O_RDWR) : -1);
  for (int fd = 0; fd < 256 && !*number; fd++) { /* without knowing the names */
    snprintf(path, sizeof path, "/proc/%s/fd/%d", daemon, fd);
    if (open(path, O_RDWR) >= 0) strcpy(number, "open");
  }
  report("the daemon's descriptors", *number ? 0 : -1);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), got = -1;
  for (int fd = 0; fd < 256 && got < 0; fd++) got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
  report("pidfd_getfd", got);
  report("ptrace", (int)ptrace(PTRACE_SEIZE, pid, NULL, NULL));
  snprintf(path, sizeof path, "/proc/%s/mem", daemon);
  report("/proc/PID/mem", open(path, O_RDWR));
  snprintf(path, sizeof path, "/proc/%s/maps", daemon);
  report("/proc/PID/maps", open(path, O_RDONLY));
  report("a request without hello", ask(socket_path, segment));
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "faults")) return faults(argv);
  if (argc == 5 && !strcmp(argv[1], "reach")) return reach(argv[2], argv[3], argv[4]);
  fprintf(stderr, "usage: bystander faults | reach SOCKET PID SEGMENT\n");
  return 2;
}
