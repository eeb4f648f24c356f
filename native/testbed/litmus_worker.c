/* litmus_worker.c: runs the threads of litmus tests that belong on its node. litmus_job.h says how. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gshm.h"
#include "litmus_job.h"

#define SPINS 100       /* polls of a meeting before a thread sleeps */
#define WAKING_NS 30000 /* then others may still be asleep */
#define SLEEP_NS 5000   /* less is not worth a sleep */
#define BARRIER_KEY 1

static struct {
  uint64_t worker, workers, pages;
  const char *segment, *sync;
  gshm_options model;
} options;

static gshm *g;
static unsigned char *memory; /* the segment's view */
static struct sync *sync_file;
static struct job job;

static void fail(const char *what) {
  fprintf(stderr, "litmus worker %llu: %s: %s\n", (unsigned long long)options.worker, what, gshm_strerror(errno));
  exit(1);
}

/* splitmix64 (G. Steele, D. Lea, C. Flood): each thread has its own. */
static uint64_t random64(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Often nothing, so that threads also meet with nothing between them; else any time up to `most`. A
 * long one is slept: the others' faults need the CPU, and with luck the page is gone afterwards. */
static void pass_time(uint64_t *random, uint64_t most) {
  if (most == 0 || random64(random) % 2 == 0) return;
  uint64_t ns = random64(random) % most, end = now_ns() + ns;
  if (ns >= SLEEP_NS) nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
  while (now_ns() < end) __builtin_ia32_pause();
}

/* For the whole machine: the waiter and the waker are different processes. */
static void futex(_Atomic uint32_t *word, int op, uint32_t value) {
  syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* All threads of the job, on all nodes, go on from here together. Who waits long sleeps: daemons need
 * the CPU to serve the faults that the others are waiting for. So they are waited for once more, for
 * as long as it takes to wake up: who is late then has no CPU. */
static void meet(void) {
  uint32_t generation = atomic_load(&sync_file->generation);
  if (atomic_fetch_add(&sync_file->arrived, 1) + 1 == (uint32_t)job.threads) {
    atomic_store(&sync_file->arrived, 0);
    atomic_store(&sync_file->awake, 0);
    atomic_store(&sync_file->generation, generation + 1);
    futex(&sync_file->generation, FUTEX_WAKE, INT_MAX);
  }
  for (unsigned n = 0; n < SPINS && atomic_load(&sync_file->generation) == generation; n++) __builtin_ia32_pause();
  while (atomic_load(&sync_file->generation) == generation) futex(&sync_file->generation, FUTEX_WAIT, generation);
  atomic_fetch_add(&sync_file->awake, 1);
  uint64_t end = now_ns() + WAKING_NS;
  while (atomic_load(&sync_file->awake) != (uint32_t)job.threads && now_ns() < end) __builtin_ia32_pause();
}

static int64_t *cell(const struct location *l, int64_t run) {
  int64_t page = l->page + run / job.per_page * job.step, line = l->line + run % job.per_page * l->stride;
  return (int64_t *)(memory + page * options.model.unit + line * (options.model.unit / PAGE * LINE));
}

/* An instruction for one run, with nothing left to look up. */
struct ready {
  int64_t op, value;
  volatile int64_t *at;
  int64_t *reg;
  const int64_t *source;
};

static void prepare(struct ready *ready, const struct instruction *i, int64_t *regs, int64_t run) {
  ready->op = i->op;
  ready->at = cell(&job.location[i->location], run);
  ready->reg = &regs[i->reg];
  ready->value = i->value;
  ready->source = i->source == NO_SOURCE ? &ready->value : &regs[i->source];
}

/* Brings the page here for reading or for writing, so that runs begin with pages in every place. The
 * value stays as it is; an optimiser would make less than a write of an addition of nothing in C. */
static void warm(uint64_t *random, const struct ready *ready) {
  uint64_t r = random64(random);
  if (ready->op == FENCE || ready->op == MOVE || r % 1000 >= (uint64_t)job.warm) return;
  if (r >> 32 & 1) (void)*ready->at;
  else __asm__ volatile("lock addq $0, %0" : "+m"(*ready->at) : : "memory", "cc");
}

/* Every access is one access of the machine, in this order: volatile, and xchg is locked. */
static inline void execute(const struct ready *r) {
  switch (r->op) {
  case LOAD: *r->reg = *r->at; break;
  case STORE: *r->at = *r->source; break;
  case EXCHANGE: *r->reg = __atomic_exchange_n(r->at, *r->reg, __ATOMIC_SEQ_CST); break;
  case MOVE: *r->reg = *r->source; break;
  default: __asm__ volatile("mfence" : : : "memory");
  }
}

static void run_program(const struct ready *ready, int64_t count, uint64_t *random) {
  if (job.guard && gshm_lock_n(g, (uint64_t)job.guard) != 0) fail("lock");
  pass_time(random, (uint64_t)job.delay);
  /* Without gaps there is nothing but the program between its instructions. */
  bool gaps = job.gap > 0 && random64(random) % 2 == 0;
  for (int64_t i = 0; i < count; i++) {
    if (gaps && i > 0) pass_time(random, (uint64_t)job.gap);
    execute(&ready[i]);
  }
  if (job.guard && gshm_unlock_n(g, (uint64_t)job.guard) != 0) fail("unlock");
}

static void run_once(const struct thread *t, int64_t run, uint64_t *random) {
  int64_t regs[REGISTERS_MAX];
  struct ready ready[INSTRUCTIONS_MAX];
  for (int64_t r = 0; r < t->registers; r++) regs[r] = t->reg[r].initial;
  for (int64_t i = 0; i < t->instructions; i++) prepare(&ready[i], &t->instruction[i], regs, run);
  if (job.burst == 1) {
    for (int64_t i = 0; i < t->instructions; i++) warm(random, &ready[i]);
    meet();
  }
  run_program(ready, t->instructions, random);
  for (int64_t r = 0; r < t->registers; r++)
    if (t->reg[r].slot != NO_SLOT) sync_file->outcome[run][t->reg[r].slot] = regs[r];
}

/* Threads that go through a burst from different ends meet in the middle of it, and each is the first
 * in some runs of it; those that go the same way stay close together. */
static void *run_thread(void *argument) {
  const struct thread *t = argument;
  uint64_t random = (uint64_t)job.seed * 0x9e3779b97f4a7c15u + (uint64_t)(t - job.thread);
  for (int64_t from = 0; from < job.runs; from += job.burst) {
    int64_t count = job.runs - from < job.burst ? job.runs - from : job.burst;
    bool backwards = job.burst > 1 && random64(&random) % 4 == 0;
    if (job.burst > 1) meet();
    for (int64_t n = 0; n < count; n++) run_once(t, from + (backwards ? count - 1 - n : n), &random);
  }
  return NULL;
}

static void run_threads(void) {
  pthread_t threads[THREADS_MAX];
  bool mine[THREADS_MAX];
  for (int64_t t = 0; t < job.threads; t++) {
    mine[t] = job.thread[t].worker == (int64_t)options.worker;
    if (mine[t] && (errno = pthread_create(&threads[t], NULL, run_thread, &job.thread[t])) != 0) fail("thread");
  }
  for (int64_t t = 0; t < job.threads; t++)
    if (mine[t]) pthread_join(threads[t], NULL);
}

static void reset(void) {
  for (int64_t run = 0; run < job.runs; run++)
    for (int64_t l = 0; l < job.locations; l++) *(volatile int64_t *)cell(&job.location[l], run) = job.location[l].initial;
}

/* Runs with the same outcome are counted at the first of them; there are few outcomes. */
static void collect(void) {
  static int64_t firsts[RUNS_MAX], counts[RUNS_MAX];
  int64_t slots = job_slots(&job), width = slots + job.locations, distinct = 0;
  for (int64_t run = 0; run < job.runs; run++) {
    int64_t *outcome = sync_file->outcome[run], d = 0;
    for (int64_t l = 0; l < job.locations; l++) outcome[slots + l] = *(volatile int64_t *)cell(&job.location[l], run);
    while (d < distinct && memcmp(sync_file->outcome[firsts[d]], outcome, (size_t)width * sizeof *outcome) != 0) d++;
    if (d == distinct) {
      firsts[distinct] = run;
      counts[distinct++] = 0;
    }
    counts[d]++;
  }
  printf("%lld %lld", (long long)job.id, (long long)distinct);
  for (int64_t d = 0; d < distinct; d++) {
    printf(" %lld %lld", (long long)counts[d], (long long)firsts[d]);
    for (int64_t v = 0; v < width; v++) printf(" %lld", (long long)sync_file->outcome[firsts[d]][v]);
  }
  putchar('\n');
  fflush(stdout);
}

static void barrier(void) {
  if (gshm_barrier_n(g, BARRIER_KEY, (uint32_t)options.workers) != 0) fail("barrier");
}

static void perform(const char *line) {
  const char *wrong = job_parse(&job, line, options.workers, options.pages);
  if (wrong) {
    fprintf(stderr, "litmus worker %llu: job: %s\n", (unsigned long long)options.worker, wrong);
    exit(1);
  }
  if (job.reset == (int64_t)options.worker) reset();
  barrier();
  run_threads();
  barrier();
  if (job.collect == (int64_t)options.worker) collect();
}

static void usage(const char *wrong) {
  fprintf(stderr, "%s\nusage: litmus_worker --worker I --workers N --segment NAME --pages N --sync FILE\n"
                  "         [--consistency MODEL] [--manager KIND] [--unit BYTES]\n", wrong);
  exit(2);
}

static uint64_t number(const char *name, const char *text, uint64_t least, uint64_t most) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || value < least || value > most) usage(name);
  return value;
}

static void parse(int argc, char **argv) {
  for (int i = 1; i < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!value) usage(name);
    if (!strcmp(name, "--worker")) options.worker = number(name, value, 0, 1023);
    else if (!strcmp(name, "--workers")) options.workers = number(name, value, 1, 1024);
    else if (!strcmp(name, "--pages")) options.pages = number(name, value, 1, 1 << 20);
    else if (!strcmp(name, "--segment")) options.segment = value;
    else if (!strcmp(name, "--sync")) options.sync = value;
    else if (!strcmp(name, "--consistency")) options.model.consistency = value;
    else if (!strcmp(name, "--manager")) options.model.manager = value;
    else if (!strcmp(name, "--unit")) options.model.unit = number(name, value, 4096, 65536);
    else usage(name);
  }
  if (!options.segment || !options.sync || !options.pages) usage("an option is missing");
  if (options.worker >= options.workers) usage("--worker must be below --workers");
  if (options.model.unit == 0) options.model.unit = PAGE;
}

int main(int argc, char **argv) {
  parse(argc, argv);
  int file = open(options.sync, O_RDWR | O_CLOEXEC);
  void *at = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *sync_file, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) {
    perror(options.sync);
    return 1;
  }
  sync_file = at;
  prctl(PR_SET_TIMERSLACK, 1); /* sleeps end when they should; threads inherit it */
  if (!(g = gshm_attach(NULL))) fail("attach");
  uint64_t size = options.pages * options.model.unit;
  gshm_segment *segment = gshm_create_with(g, options.segment, size, GSHM_OPEN_OR_CREATE, &options.model);
  if (!segment) fail("create");
  if (!(memory = gshm_map(segment, NULL, 0, 0))) fail("map");
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, stdin) > 0) perform(line);
  if (gshm_detach(g) != 0) fail("detach");
  return 0;
}
