/* at_fork: forks; its own fork handler, which was there before it attached, waits for what another process stores to a page that
 * this one has. Prints "forking", and "seen V". */
#include <errno.h>
#include <gshm.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long *at;

static void wait_for_store(void) {
  puts("forking");
  fflush(stdout);
  while (*at == 1) continue;
}

int main(void) {
  pthread_atfork(wait_for_store, NULL, NULL);
  gshm *g = gshm_attach(NULL);
  gshm_segment *s = g ? gshm_create(g, "fork", 4096, 0) : NULL;
  at = s ? gshm_map(s, NULL, 0, 0) : NULL;
  if (!at) return fprintf(stderr, "%s\n", gshm_strerror(errno)), 1;
  *at = 1;
  pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  printf("seen %ld\n", *at);
  return 0;
}
