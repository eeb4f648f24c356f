/* unload LIBRARY attached|detached: opens libgshm with dlopen, uses it, and closes it with dlclose, as a plugin that brings it does; with
 * views and threads that have held locks, or after gshm_detach. Prints "on" when the program can go on: its threads end,
 * it forks, and views that it has not unmapped can be used. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 4

static void *g;
static int (*lock)(void *, const char *), (*unlock)(void *, const char *);
static sem_t locked, closed;

static void *lock_and_end(void *unused) {
  lock(g, "unload");
  unlock(g, "unload");
  sem_post(&locked);
  sem_wait(&closed);
  return unused;
}

int main(int argc, char **argv) {
  void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (!library) return fprintf(stderr, "%s\n", argc == 3 ? dlerror() : "two arguments are wanted"), 1;
  void *(*attach)(const char *) = (void *(*)(const char *))dlsym(library, "gshm_attach");
  void *(*create)(void *, const char *, uint64_t, unsigned) =
      (void *(*)(void *, const char *, uint64_t, unsigned))dlsym(library, "gshm_create");
  void *(*map)(void *, void *, uint64_t, uint64_t) = (void *(*)(void *, void *, uint64_t, uint64_t))dlsym(library, "gshm_map");
  int (*detach)(void *) = (int (*)(void *))dlsym(library, "gshm_detach");
  lock = (int (*)(void *, const char *))dlsym(library, "gshm_lock");
  unlock = (int (*)(void *, const char *))dlsym(library, "gshm_unlock");
  g = attach(NULL);
  void *segment = g ? create(g, "unload", 4096 * PAGES, 1) : NULL;
  volatile char *view = segment ? map(segment, NULL, 0, 0) : NULL;
  if (!view) return fprintf(stderr, "no view\n"), 1;
  view[0] = 1;
  sem_init(&locked, 0, 0);
  sem_init(&closed, 0, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, lock_and_end, NULL);
  sem_wait(&locked);
  const int detached = !strcmp(argv[2], "detached");
  if (detached) detach(g);
  dlclose(library);
  sem_post(&closed);
  pthread_join(thread, NULL);
  for (int page = 0; page < PAGES && !detached; page++) view[4096 * page] = 2;
  pid_t child = fork();
  if (child == 0) _exit(0);
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) return 1;
  puts("on");
  return 0;
}
