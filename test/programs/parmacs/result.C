/* result.C: a process tells main by a global variable what has come out, as a thread would.
 *
 *   result 3            CREATE(work, 3)
 *   result 3 forked     CREATE(work) for each
 *   result 3 both       CREATE(work) first, CREATE(work, 3) then, and CREATE(work) again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

MAIN_ENV

int processes, calls;
double result = 1;

/* That of the process with the highest number, which is not main's if there are several. */
void work(void) {
  int me;
  GET_PID(me)
  if (me == processes - 1) {
    result = 2.5 * processes;
    calls++;
  }
}

static void create_each(void) {
  for (int i = 1; i < processes; i++) CREATE(work)
  work();
  WAIT_FOR_END(processes - 1)
}

static void create_all(void) {
  CREATE(work, processes)
  WAIT_FOR_END(processes)
}

int main(int argc, char **argv) {
  const char *how = argc > 2 ? argv[2] : "threads";
  processes = argc > 1 ? atoi(argv[1]) : 1;
  MAIN_INITENV()
  if (strcmp(how, "threads") != 0) create_each();
  if (strcmp(how, "forked") != 0) {
    printf("before: %g, %d\n", result, calls);
    create_all();
  }
  if (strcmp(how, "both") == 0) create_each();
  printf("result: %g, %d\n", result, calls);
  MAIN_END
}
