/* seccomp: runs a command under a filter of system calls, as containers and services have them.
 *
 *   seccomp deny|allow NUMBER,NUMBER... COMMAND ARGUMENTS...
 *
 * What the filter does not let through fails with EPERM. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CALLS_MAX 2000

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const int listed = strcmp(argv[1], "allow") == 0;
  const unsigned yes = SECCOMP_RET_ALLOW, no = SECCOMP_RET_ERRNO | EPERM;
  static struct sock_filter filter[2 * CALLS_MAX + 2];
  unsigned short count = 0;
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (char *word = strtok(argv[2], ","); word; word = strtok(NULL, ",")) {
    if (count > 2 * CALLS_MAX) return 2;
    filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)strtoul(word, NULL, 10), 0, 1);
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed ? yes : no);
  }
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed ? no : yes);
  struct sock_fprog program = {.len = count, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("seccomp");
    return 1;
  }
  execvp(argv[3], argv + 3);
  perror(argv[3]);
  return 127;
}
