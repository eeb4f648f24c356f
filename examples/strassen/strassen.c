/* strassen: multiplies two matrices of dsm.h's shared memory, by Strassen's algorithm, with any number of processes.
 *
 *   strassen ID PROCESSES SIZE [check]        ID from 1 to PROCESSES, SIZE a power of two from 32 to 4096
 *   gshm run -n 2 -- sh -c 'GSHM_DSM_UNIT=64K strassen $((GSHM_RANK + 1)) $GSHM_RANKS 1024 check'
 *
 * When all are there the first lets them go, and works as they do: each fills its part of both matrices with small whole
 * numbers, so that sums are exact in any order, and multiplies when all have. The first prints a JSON object: seconds from then
 * on until the result is whole; of these, seconds of the multiplication; how many blocks of the result each process has
 * made, and whether it is that of the plain multiplication.
 *
 * The result's 16 blocks are tasks, each the sum of four products of blocks, which are Strassen's. Processes take tasks one by
 * one, each from where it has filled the left matrix and cleared the result, so that these need not travel; a second thread of
 * each fetches the other ahead. To have the two outermost divisions be Strassen's, too, would spare a quarter of the
 * arithmetic, but then every block of the result is a sum of what several processes have, and all that travels: two nodes gained
 * nothing by it. Each holds a lock of its own until it has filled its part, and one until it is done: others wait for those. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libdsm.h"
#include "strassen.h"

#define PARTS 4u
#define BLOCKS (PARTS * PARTS) /* of a matrix, row by row; and tasks */
#define PROCESSES_MAX 64u
#define PAGE (4096 / sizeof(double))

struct job {
  double *left[BLOCKS], *right[BLOCKS], *result[BLOCKS];
  unsigned arrived, size;
  unsigned char taken[BLOCKS];
  unsigned made[PROCESSES_MAX]; /* blocks, by process */
};

#define JOB ((volatile struct job *)0x410000000000)
#define LOCKS ((pthread_mutex_t *)0x418000000000)
#define DATA ((void *)0x420000000000)
/* That of the job; the one that is held until there is something to do; and two of each process. */
#define QUEUE (LOCKS + 0)
#define START (LOCKS + 1)
#define FILL(id) (LOCKS + 2 * (id))
#define WORK(id) (LOCKS + 2 * (id) + 1)
#define LOCKS_COUNT (2 + 2 * PROCESSES_MAX)

static unsigned id, processes, size, block; /* rows of a matrix, and of a block */
static unsigned long length;                /* doubles of a block */
static double *product, *sum, *scratch;
static struct job job; /* as it stands when it begins: it need not be fetched again */
static volatile int ahead = 1; /* there is something to fetch ahead for */

static const struct timespec millisecond = {.tv_nsec = 1000000};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *private(size_t bytes) {
  void *memory = malloc(bytes);
  if (!memory) perror("strassen: malloc"), exit(1);
  return memory;
}

/* Of the four products that a block is the sum of, the n-th to be made: the first are of what this process has filled, and
 * can be made while the rest is fetched. */
static unsigned nth_product(unsigned n) { return (BLOCKS * (id - 1) / processes / PARTS + n) % PARTS; }

/* Where the process that begins with a task has several rows, tasks go down these, column by column: what is fetched of the right
 * matrix for one task serves the next, and there is more to do while more is fetched. */
static unsigned rows_each(void) { return processes < PARTS ? PARTS / processes : 1; }
static unsigned row_of(unsigned t) { return t / (rows_each() * PARTS) * rows_each() + t % rows_each(); }
static unsigned column_of(unsigned t) { return t % (rows_each() * PARTS) / rows_each(); }

static void make_block(unsigned t) {
  unsigned row = row_of(t), column = column_of(t);
  for (unsigned n = 0; n < PARTS; n++) {
    unsigned k = nth_product(n);
    const double *left = job.left[row * PARTS + k], *right = job.right[k * PARTS + column];
    strassen_multiply(n == 0 ? sum : product, left, right, block, scratch);
    if (n > 0) strassen_add(sum, product, 1, length);
  }
  memcpy(job.result[row * PARTS + column], sum, length * sizeof *sum);
}

/* Tasks stand in a ring, on which each two processes have a part: one goes up from its beginning, one down from its end, and
 * on to what others have left. */
static unsigned nth(unsigned n) {
  unsigned pair = (id - 1) / 2, pairs = (processes + 1) / 2;
  unsigned low = BLOCKS * pair / pairs, high = BLOCKS * (pair + 1) / pairs;
  return (id % 2 == 1 ? low + n : high + BLOCKS - 1 - n) % BLOCKS;
}

/* The next task, or BLOCKS. */
static unsigned take(void) {
  unsigned n = 0;
  pthread_mutex_lock(QUEUE);
  JOB->made[id - 1] = 0; /* a store first: the page is fetched once, to be written */
  while (n < BLOCKS && JOB->taken[nth(n)]) n++;
  unsigned task = n < BLOCKS ? nth(n) : BLOCKS;
  if (task < BLOCKS) JOB->taken[task] = 1;
  pthread_mutex_unlock(QUEUE);
  return task;
}

/* A thread: what tasks to come are made of, in the order in which this process takes them. */
static void *fetch_ahead(void *nothing) {
  for (unsigned n = 0; n < BLOCKS; n++)
    for (unsigned i = 0; i < PARTS; i++) {
      unsigned k = nth_product(i);
      const double *left = job.left[row_of(nth(n)) * PARTS + k], *right = job.right[k * PARTS + column_of(nth(n))];
      for (unsigned long at = 0; at < length && ahead; at += PAGE) {
        (void)*(const volatile double *)(left + at);
        (void)*(const volatile double *)(right + at);
      }
    }
  return nothing;
}

static void work(void) {
  pthread_t helper;
  if (pthread_create(&helper, NULL, fetch_ahead, NULL) != 0) perror("strassen: pthread_create"), exit(1);
  unsigned made = 0;
  for (unsigned task; (task = take()) < BLOCKS; made++) make_block(task);
  ahead = 0;
  JOB->made[id - 1] = made;
  pthread_join(helper, NULL);
}

/* The process that begins there. */
static int is_mine(unsigned q) { return q * processes / BLOCKS == id - 1; }

/* Numbers from 0 to 3, which depend on the block alone. */
static void fill(double *values, unsigned seed) {
  for (unsigned long i = 0; i < length; i++) values[i] = (double)((seed = seed * 1103515245 + 12345) >> 16 & 3);
}

/* The caller holds its FILL. */
static void fill_mine(void) {
  for (unsigned q = 0; q < BLOCKS; q++) {
    if (!is_mine(q)) continue;
    fill(job.left[q], 2 * q + 1);
    fill(job.right[q], 2 * q + 2);
    memset(job.result[q], 0, length * sizeof(double));
  }
  pthread_mutex_unlock(FILL(id));
}

/* Until that process has given the lock back. */
static void await(pthread_mutex_t *lock) {
  pthread_mutex_lock(lock);
  pthread_mutex_unlock(lock);
}

static void fill_all(void) {
  fill_mine();
  for (unsigned other = 1; other <= processes; other++)
    if (other != id) await(FILL(other));
}

static void allocate(double *volatile blocks[]) {
  for (unsigned i = 0; i < BLOCKS; i++) blocks[i] = dsm_malloc(length * sizeof(double));
}

/* A matrix of blocks, row by row. */
static double *whole(double *const blocks[]) {
  double *rows = private((size_t)size * size * sizeof *rows);
  for (unsigned i = 0; i < size; i++)
    for (unsigned part = 0; part < PARTS; part++)
      memcpy(rows + (size_t)i * size + part * block, blocks[i / block * PARTS + part] + (size_t)(i % block) * block,
             block * sizeof *rows);
  return rows;
}

static int is_right(void) {
  double *a = whole(job.left), *b = whole(job.right), *c = whole(job.result), *plain = private((size_t)size * size * sizeof *plain);
  plain_multiply(plain, a, b, size, size);
  int right = memcmp(plain, c, (size_t)size * size * sizeof *c) == 0;
  free(a), free(b), free(c), free(plain);
  return right;
}

static int lead(int check) {
  pthread_mutex_lock(START);
  pthread_mutex_lock(FILL(id));
  allocate(JOB->left), allocate(JOB->right), allocate(JOB->result);
  JOB->size = size;
  while (JOB->arrived < processes - 1) nanosleep(&millisecond, NULL);
  job = *JOB;
  double begin = now();
  pthread_mutex_unlock(START);
  fill_all();
  double filled = now();
  work();
  for (unsigned other = 2; other <= processes; other++) await(WORK(other));
  double end = now();
  int right = check ? is_right() : 1;
  printf("{\"seconds\":%.6f,\"multiplySeconds\":%.6f,\"size\":%u,\"blocks\":[", end - begin, end - filled, size);
  for (unsigned i = 0; i < processes; i++) printf(i == 0 ? "%u" : ",%u", JOB->made[i]);
  printf("],\"checked\":%s,\"right\":%s}\n", check ? "true" : "false", right ? "true" : "false");
  return right ? 0 : 1;
}

static int follow(void) {
  while (JOB->size == 0) nanosleep(&millisecond, NULL); /* until the first one has START */
  pthread_mutex_lock(FILL(id));
  pthread_mutex_lock(WORK(id));
  pthread_mutex_lock(QUEUE);
  JOB->arrived++;
  pthread_mutex_unlock(QUEUE);
  await(START);
  job = *JOB;
  fill_all();
  work();
  pthread_mutex_unlock(WORK(id));
  return 0;
}

static unsigned number(const char *text, unsigned least, unsigned most) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (end != text && !*end && value >= least && value <= most) return (unsigned)value;
  fprintf(stderr, "strassen: '%s': a number from %u to %u is wanted\n", text, least, most);
  exit(2);
}

int main(int argc, char **argv) {
  int check = argc == 5 && strcmp(argv[4], "check") == 0;
  if (argc != 4 + check) return fprintf(stderr, "usage: %s ID PROCESSES SIZE [check]\n", argv[0]), 2;
  processes = number(argv[2], 1, PROCESSES_MAX);
  id = number(argv[1], 1, processes);
  size = number(argv[3], 32, 4096);
  if ((size & (size - 1)) != 0) return fprintf(stderr, "strassen: SIZE %u is no power of two\n", size), 2;
  block = size / PARTS;
  length = (unsigned long)block * block;
  size_t bytes = length * sizeof(double);
  product = private(bytes), sum = private(bytes);
  scratch = private(strassen_scratch(block) * sizeof(double) + 1);
  dsm_init(id);
  dsm_reserve((void *)JOB, sizeof *JOB);
  dsm_reserve(LOCKS, LOCKS_COUNT * sizeof *LOCKS);
  dsm_open(DATA, (bytes < 65536 ? 65536 : bytes) * (3 * BLOCKS + 1));
  for (unsigned i = 0; i < LOCKS_COUNT; i++) dsm_lock_init(LOCKS + i);
  return id == 1 ? lead(check) : follow();
}
