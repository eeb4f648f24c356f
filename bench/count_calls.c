/* count_calls: how many system calls a program's first thread makes.
 *
 *   count_calls FILE PROGRAM [ARGUMENTS]
 *
 * runs the program with this one's descriptors, and writes the number to FILE when it has ended. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

/* Entries and exits stop the thread in turn; execve itself is not counted. */
static long stops_until_end(pid_t child, int *status) {
  long stops = 0;
  int signal_number = 0;
  for (;;) {
    if (ptrace(PTRACE_SYSCALL, child, NULL, (void *)(long)signal_number) != 0) die("ptrace");
    if (waitpid(child, status, 0) != child) die("waitpid");
    if (!WIFSTOPPED(*status)) return stops;
    signal_number = WSTOPSIG(*status);
    if (signal_number != (SIGTRAP | 0x80)) continue;
    signal_number = 0;
    stops++;
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: count_calls FILE PROGRAM [ARGUMENTS]\n");
    return 2;
  }
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) die("ptrace");
    execv(argv[2], argv + 2);
    die(argv[2]);
  }
  int status;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) die("the program did not start");
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0) die("ptrace");
  long stops = stops_until_end(child, &status);
  FILE *file = fopen(argv[1], "w");
  if (file == NULL || fprintf(file, "%ld\n", stops / 2) < 0 || fclose(file) != 0) die(argv[1]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
