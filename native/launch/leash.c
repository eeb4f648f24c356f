/* leash: ends what a process has started, when that process ends without having been able to do so itself: by kill -9.
 *
 *   leash [COMMAND ARGUMENTS...]
 *
 * Standard input is a pipe that only that process writes to. "+ID": this is to be ended, as kill(2) takes it (of a group
 * negative); "-ID": it has ended; ".": nothing is left, and so does this program. At the end of the pipe it kills what has not
 * ended, and becomes COMMAND. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long *held;
static size_t count, room;

static void hold(long id) {
  if (count == room) {
    room = room ? 2 * room : 64;
    held = realloc(held, room * sizeof *held);
    if (!held) exit(1);
  }
  held[count++] = id;
}

static void let_go(long id) {
  for (size_t i = 0; i < count; i++) {
    if (held[i] != id) continue;
    held[i] = held[--count];
    return;
  }
}

int main(int argc, char **argv) {
  char line[64];
  (void)argc;
  while (fgets(line, sizeof line, stdin)) {
    if (line[0] == '.') return 0;
    if (!strchr(line, '\n')) break; /* half of one: its writer has been killed */
    long id = strtol(line + 1, NULL, 10);
    if (line[0] == '+') hold(id);
    else let_go(id);
  }
  for (size_t i = 0; i < count; i++)
    if (held[i] != 0 && held[i] != 1 && held[i] != -1) kill((pid_t)held[i], SIGKILL);
  if (argv[1]) execv(argv[1], argv + 1);
  return 0;
}
