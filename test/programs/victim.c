/* victim: does everything there is to do, in several threads, until it is killed.
 *
 *   victim SEGMENT SLOT SEED      allocates in the segment 'blocks'
 *
 * Prints a line for each action. "wrote N": its word in each page of its slot's is N now. It also
 * reads page 0, which is full of 0x5a, and its own words: "wrong ..." when they are not what they must
 * be. Losing a node is nothing special; losing the daemon ends it with status 4. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gshm.h"

#define PAGE 4096
#define SLOT_PAGES 4
#define FIRST 16  /* pages before it: 0 is constant, 1 to 4 are everybody's */
#define THREADS 3

static gshm *g;
static gshm_segment *segment, *blocks;
static char *memory;
static unsigned slot;
static sem_t done;

static volatile uint64_t *own(unsigned page) {
  return (volatile uint64_t *)(memory + (size_t)(FIRST + slot * SLOT_PAGES + page) * PAGE);
}

static unsigned draw(unsigned *state, unsigned bound) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % bound;
}

/* An error of the API: the loss of a node, or of a lock's last holder, may happen. */
static int tolerable(int error) {
  if (error == ECONNRESET || error == ECONNREFUSED) _exit(4);
  return error == EHOSTDOWN || error == EOWNERDEAD || error == ENOSPC;
}

static void must(const char *what, int result) {
  if (result == 0 || tolerable(errno)) return;
  printf("wrong %s: %s\n", what, gshm_strerror(errno));
}

static void diary(void) {
  static uint64_t value;
  for (unsigned page = 0; page < SLOT_PAGES; page++)
    if (*own(page) != value) printf("wrong own word: %llu for %llu\n", (unsigned long long)*own(page), (unsigned long long)value);
  value++;
  for (unsigned page = 0; page < SLOT_PAGES; page++) *own(page) = value;
  printf("wrote %llu\n", (unsigned long long)value);
}

static void constant(const volatile unsigned char *page, unsigned at) {
  if (page[at] != 0x5a) printf("wrong constant: %u\n", page[at]);
}

static void heap(unsigned *state) {
  gshm_addr block = gshm_alloc(blocks, 1 + draw(state, 20000));
  if (!block) return must("alloc", -1);
  gshm_addr bigger = gshm_realloc(blocks, block, 1 + draw(state, 40000));
  if (!bigger) return must("realloc", -1);
  must("free", gshm_free(blocks, bigger));
}

static void lock(unsigned *state) {
  char name[] = "l0";
  name[1] = (char)('0' + draw(state, 2));
  if (gshm_lock(g, name) != 0 && errno != EOWNERDEAD) return must("lock", -1);
  volatile uint64_t *word = (volatile uint64_t *)(memory + 5 * PAGE);
  *word = *word + 1;
  must("unlock", gshm_unlock(g, name));
}

static void map_part(unsigned *state) {
  char *view = gshm_map(segment, NULL, 0, PAGE * (1 + draw(state, 8)));
  if (!view) return must("map", -1);
  constant((unsigned char *)view, draw(state, PAGE));
  must("unmap", gshm_unmap(g, view));
}

static void child(unsigned *state) {
  pid_t pid = fork();
  if (pid == 0) {
    __atomic_fetch_add((uint64_t *)(memory + (1 + draw(state, 4)) * PAGE), 1, __ATOMIC_SEQ_CST);
    constant((unsigned char *)memory, draw(state, PAGE));
    _exit(0);
  }
  if (pid > 0) waitpid(pid, NULL, 0);
}

static void *act(void *argument) {
  unsigned state = (unsigned)(uintptr_t)argument;
  for (;;) {
    switch (draw(&state, 8)) {
      case 0: heap(&state); break;
      case 1: lock(&state); break;
      case 2: map_part(&state); break;
      case 3: child(&state); break;
      case 4: must("barrier", gshm_barrier(g, "alone", 1)); break;
      case 5: /* takes the right to write from the others */
        for (unsigned page = 0; page < 3 * SLOT_PAGES; page++) (void)*(volatile char *)(memory + (FIRST + page) * PAGE);
        break;
      default:
        __atomic_fetch_add((uint64_t *)(memory + (1 + draw(&state, 4)) * PAGE), 1, __ATOMIC_SEQ_CST);
        constant((unsigned char *)memory, draw(&state, PAGE));
    }
    printf("did\n");
    sem_post(&done);
  }
  return NULL;
}

/* Waits where nobody else comes. */
static void *wait_for_ever(void *unused) {
  must("barrier", gshm_barrier(g, "never", 4));
  return unused;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: victim SEGMENT SLOT SEED\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  slot = (unsigned)atoi(argv[2]);
  sem_init(&done, 0, 0);
  g = gshm_attach(NULL);
  segment = g ? gshm_open(g, argv[1], 0) : NULL;
  blocks = g ? gshm_open(g, "blocks", 0) : NULL;
  if (!segment || !blocks || !(memory = gshm_map(segment, NULL, 0, 0)) || !gshm_map(blocks, NULL, 0, 0)) {
    fprintf(stderr, "victim: %s\n", gshm_strerror(errno));
    return 1;
  }
  for (unsigned page = 0; page < SLOT_PAGES; page++) *own(page) = 0;
  pthread_t thread;
  pthread_create(&thread, NULL, wait_for_ever, NULL);
  for (unsigned i = 0; i < THREADS; i++)
    if (pthread_create(&thread, NULL, act, (void *)(uintptr_t)((unsigned)atoi(argv[3]) + i)) != 0) return 1;
  printf("ready\n");
  for (;;) { /* in step with the others, or there would be nothing else to see */
    diary();
    sem_wait(&done);
  }
}
