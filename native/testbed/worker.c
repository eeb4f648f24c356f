/* worker.c: one C worker of the allocator testbed. layout.h says what workers do. */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "block.h"
#include "gshm.h"
#include "histogram.h"
#include "layout.h"
#include "whole.h"

#define BACKOFF_POLLS 64 /* idle rounds before a pause: others need the CPU */
#define BACKOFF_NS 50000

enum inject { NONE, WRONG, OVERLAP, LEAK };

static struct {
  uint32_t worker, workers, seed, max_size;
  double seconds;
  const char *segment;
  gshm_options model;
  bool locks; /* the model wants a lock around what a ring hands over */
  enum inject inject;
} options;

/* One end of a ring, and the name of its lock. */
struct way {
  struct ring *ring;
  char lock[64];
};

static const gshm_options OWN_MODEL = {.consistency = "mrsw", .manager = "fixed"}; /* of marks and rings */

static gshm *g;
static gshm_segment *heap;
static unsigned char *memory; /* the heap's view */
static _Atomic uint8_t *marks;
static struct control *control;
static struct way out[PARTNERS], in[WORKERS_MAX];
static unsigned outs, ins;
static uint32_t random_state, serial;

static struct {
  uint64_t blocks, cross_node, bytes_verified, wrong, overlaps;
  uint64_t leaked;
  uint64_t latency[BUCKETS];
} seen;
static struct tally tally;

static void fail(const char *what) {
  fprintf(stderr, "worker %u: %s: %s\n", options.worker, what, gshm_strerror(errno));
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* mulberry32 (T. Ettinger): the same numbers in C and JavaScript. */
static uint32_t random32(void) {
  uint32_t z = random_state += 0x6d2b79f5u;
  z = (z ^ z >> 15) * (z | 1);
  z ^= z + (z ^ z >> 7) * (z | 61);
  return z ^ z >> 14;
}
static uint32_t below(uint32_t bound) { return (uint32_t)((uint64_t)random32() * bound >> 32); }

/* Mostly small, some of a few pages, now and then anything up to the largest. */
static uint32_t random_size(void) {
  uint32_t kind = below(100), most = kind < 85 ? 512 : kind < 97 ? 8192 : options.max_size;
  if (most > options.max_size) most = options.max_size;
  return most <= SIZE_LEAST ? SIZE_LEAST : SIZE_LEAST + below(most - SIZE_LEAST + 1);
}

/* How often this thread has gone to sleep: one that waits for its page does. */
static long waits(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

/* The first access to each page of the block, with the clock read around it by this thread. */
static void touch(const struct slot *block, bool write) {
  uint32_t end = block->offset + block->size;
  for (uint32_t at = block->offset; at < end; at = (at | (PAGE - 1)) + 1) {
    volatile unsigned char *byte = memory + at;
    long before = waits();
    uint64_t start = now_ns();
    if (write) *byte = 0;
    else (void)*byte;
    uint64_t ns = now_ns() - start;
    if (waits() != before) seen.latency[bucket_of(ns)]++;
  }
}

static void claim(const struct slot *block) {
  if (!marks_claim(marks, block)) seen.overlaps++;
}
static void release(const struct slot *block) {
  if (!marks_release(marks, block)) seen.overlaps++;
}

static void fill(struct slot *block) {
  block->writer = options.worker;
  block->serial = serial++;
  touch(block, true);
  block_fill(memory + block->offset, block);
}

static void verify(const struct slot *block, uint32_t length) {
  touch(block, false);
  seen.wrong += block_wrong(memory + block->offset, block, length);
  seen.bytes_verified += length;
}

static struct way *with_room(void) {
  unsigned first = below(outs);
  for (unsigned i = 0; i < outs; i++) {
    struct way *way = &out[(first + i) % outs];
    if (atomic_load(&way->ring->tail) - atomic_load(&way->ring->head) < RING_SLOTS) return way;
  }
  return NULL;
}

static void lock(const struct way *way) {
  if (options.locks && gshm_lock(g, way->lock) != 0) fail(way->lock);
}
static void unlock(const struct way *way) {
  if (options.locks && gshm_unlock(g, way->lock) != 0) fail(way->lock);
}

static void put(const struct way *way, const struct slot *block) {
  struct ring *ring = way->ring;
  lock(way);
  uint32_t tail = atomic_load(&ring->tail);
  ring->slots[tail % RING_SLOTS] = *block;
  atomic_store(&ring->tail, tail + 1);
  unlock(way);
}

static bool take(const struct way *way, struct slot *block) {
  struct ring *ring = way->ring;
  uint32_t head = atomic_load(&ring->head);
  if (atomic_load(&ring->tail) == head) return false;
  lock(way);
  *block = ring->slots[head % RING_SLOTS];
  atomic_store(&ring->head, head + 1);
  unlock(way);
  return true;
}

/* false: the heap is full just now; those who hold blocks will free them. */
static bool allocate(struct slot *block) {
  *block = (struct slot){.size = random_size()};
  gshm_addr address = gshm_alloc(heap, block->size);
  if (address == 0 && errno == ENOSPC) return false;
  if (address == 0) fail("alloc");
  block->offset = (uint32_t)(address - gshm_at(heap, 0));
  tally.allocated++;
  claim(block);
  return true;
}

static void give_back(const struct slot *block) {
  release(block);
  if (gshm_free(heap, gshm_at(heap, block->offset)) != 0) fail("free");
  tally.freed++;
}

static bool planted(enum inject what) {
  if (options.inject != what) return false;
  options.inject = NONE;
  return true;
}

static bool produce(void) {
  const struct way *way = with_room();
  struct slot block;
  if (!way || !allocate(&block)) return false;
  if (planted(OVERLAP)) claim(&block); /* as if the heap had handed it out twice */
  fill(&block);
  if (planted(LEAK)) return true;
  if (planted(WRONG)) memory[block.offset + block.size - 1] ^= 1;
  put(way, &block);
  return true;
}

/* Another size; false when the heap has no room for it. The marks are given back meanwhile, because
 * the old place is free as soon as the block has moved. */
static bool resize(struct slot *block) {
  struct slot resized = {.size = random_size()};
  release(block);
  gshm_addr address = gshm_realloc(heap, gshm_at(heap, block->offset), resized.size);
  if (address == 0 && errno != ENOSPC) fail("realloc");
  if (address != 0) {
    resized.offset = (uint32_t)(address - gshm_at(heap, 0));
    claim(&resized);
    uint32_t kept = resized.size < block->size ? resized.size : block->size;
    seen.wrong += block_wrong(memory + resized.offset, block, kept);
    seen.bytes_verified += kept;
    *block = resized;
    return true;
  }
  claim(block);
  return false;
}

static void consume(struct slot *block, bool may_send_on) {
  verify(block, block->size);
  seen.blocks++;
  if (control->node[block->writer % WORKERS_MAX] != control->node[options.worker]) seen.cross_node++;
  if (below(5) == 0 && resize(block)) {
    fill(block);
    const struct way *way = may_send_on ? with_room() : NULL;
    if (way) return put(way, block);
    verify(block, block->size);
  }
  give_back(block);
}

static bool consume_all(bool may_send_on) {
  bool any = false;
  struct slot block;
  for (unsigned i = 0; i < ins; i++) {
    if (!take(&in[i], &block)) continue;
    if (block.size < SIZE_LEAST || block.offset > gshm_size(heap) || block.size > gshm_size(heap) - block.offset) {
      errno = EIO;
      fail("a ring holds no block");
    }
    consume(&block, may_send_on);
    any = true;
  }
  return any;
}

static bool all_closed_and_empty(void) {
  for (unsigned i = 0; i < ins; i++) { /* closed first: nothing is put after it */
    const struct ring *ring = in[i].ring;
    if (!atomic_load(&ring->closed)) return false;
    if (atomic_load(&ring->tail) != atomic_load(&ring->head)) return false;
  }
  return true;
}

static void pause_if_idle(bool worked) {
  static unsigned idle;
  if (worked) idle = 0;
  else if (++idle < BACKOFF_POLLS) sched_yield();
  else nanosleep(&(struct timespec){.tv_nsec = BACKOFF_NS}, NULL);
}

static void run(void) {
  uint64_t end = now_ns() + (uint64_t)(options.seconds * 1e9);
  while (now_ns() < end) {
    bool worked = consume_all(true);
    worked |= produce();
    pause_if_idle(worked);
  }
  for (unsigned i = 0; i < outs; i++) atomic_store(&out[i].ring->closed, 1);
  while (!all_closed_and_empty()) pause_if_idle(consume_all(false));
}

static void *share(const char *suffix, uint64_t size, const gshm_options *model, gshm_segment **segment) {
  char name[64];
  if ((size_t)snprintf(name, sizeof name, "%s%s", options.segment, suffix) >= sizeof name) {
    errno = ENAMETOOLONG;
    fail("--segment");
  }
  *segment = gshm_create_with(g, name, size, GSHM_OPEN_OR_CREATE, model);
  if (!*segment) fail(name);
  void *view = gshm_map(*segment, NULL, 0, 0);
  if (!view) fail(name);
  return view;
}

static void barrier(const char *name) {
  char key[64];
  snprintf(key, sizeof key, "%.40s.%s", options.segment, name);
  if (gshm_barrier(g, key, options.workers) != 0) fail(key);
}

static uint64_t heap_size(void) {
  uint64_t size = (uint64_t)options.max_size * HEAP_BLOCKS;
  if (size < HEAP_LEAST) return HEAP_LEAST;
  return size > HEAP_MOST ? HEAP_MOST : (size + PAGE - 1) / PAGE * PAGE;
}

/* The rings of worker p's partners; the same answer in every worker. */
static unsigned partners_of(uint32_t p, uint32_t partners[PARTNERS]) {
  bool several = false;
  for (uint32_t w = 0; w < options.workers; w++) several |= control->node[w] != control->node[0];
  unsigned count = 0;
  for (uint32_t i = 1; i <= options.workers && count < PARTNERS; i++) {
    uint32_t q = (p + i) % options.workers;
    if (several ? control->node[q] != control->node[p] : q != p || options.workers == 1) partners[count++] = q;
  }
  return count;
}

static void find_rings(void) {
  for (uint32_t p = 0; p < options.workers; p++) {
    uint32_t partners[PARTNERS];
    unsigned count = partners_of(p, partners);
    for (unsigned i = 0; i < count; i++) {
      uint32_t page = 1 + p * PARTNERS + i;
      struct way way = {.ring = (struct ring *)((char *)control + (size_t)page * PAGE)};
      snprintf(way.lock, sizeof way.lock, "%.40s.ring%u", options.segment, page);
      if (p == options.worker) out[outs++] = way;
      if (partners[i] == options.worker) in[ins++] = way;
    }
  }
}

static void print_report(void) {
  printf("{\"blocks\":%llu,\"crossNode\":%llu,\"bytesVerified\":%llu,\"wrong\":%llu,\"overlaps\":%llu,"
         "\"leaked\":%llu,\"latency\":",
         (unsigned long long)seen.blocks, (unsigned long long)seen.cross_node, (unsigned long long)seen.bytes_verified,
         (unsigned long long)seen.wrong, (unsigned long long)seen.overlaps, (unsigned long long)seen.leaked);
  print_histogram(seen.latency);
  puts("}");
}

static void usage(const char *wrong) {
  fprintf(stderr,
          "%s\nusage: gshm-testbed-worker --worker I --workers N --seconds S --seed X --max-size B --segment NAME\n"
          "         [--inject wrong|overlap|leak] [--consistency M] [--manager K] [--unit U]\n",
          wrong);
  exit(2);
}

static uint32_t number(const char *name, const char *text, uint32_t least, uint64_t most) {
  uint32_t value = 0;
  if (!parse_whole(text, least, most, &value)) usage(name);
  return value;
}

static void parse(int argc, char **argv) {
  options.workers = 1;
  options.max_size = 65536;
  options.seconds = 1;
  for (int i = 1; i < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!value) usage(name);
    if (!strcmp(name, "--worker")) options.worker = number(name, value, 0, WORKERS_MAX - 1);
    else if (!strcmp(name, "--workers")) options.workers = number(name, value, 1, WORKERS_MAX);
    else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
    else if (!strcmp(name, "--seed")) options.seed = number(name, value, 0, UINT32_MAX);
    else if (!strcmp(name, "--max-size")) options.max_size = number(name, value, SIZE_LEAST, HEAP_MOST);
    else if (!strcmp(name, "--segment")) options.segment = value;
    else if (!strcmp(name, "--consistency")) options.model.consistency = value;
    else if (!strcmp(name, "--manager")) options.model.manager = value;
    else if (!strcmp(name, "--unit")) options.model.unit = number(name, value, 4096, 65536);
    else if (!strcmp(name, "--inject") && !strcmp(value, "wrong")) options.inject = WRONG;
    else if (!strcmp(name, "--inject") && !strcmp(value, "overlap")) options.inject = OVERLAP;
    else if (!strcmp(name, "--inject") && !strcmp(value, "leak")) options.inject = LEAK;
    else usage(name);
  }
  if (!options.segment) usage("--segment is missing");
  if (options.worker >= options.workers) usage("--worker must be below --workers");
  options.locks = options.model.consistency && !strcmp(options.model.consistency, "lrc");
  random_state = options.seed * 0x9e3779b9u + options.worker * 0x85ebca6bu;
}

int main(int argc, char **argv) {
  gshm_segment *other;
  parse(argc, argv);
  if (!(g = gshm_attach(NULL))) fail("attach");
  memory = share("", heap_size(), &options.model, &heap);
  marks = share(".marks", heap_size() / GRANULE, &OWN_MODEL, &other);
  control = share(".control", (uint64_t)(1 + options.workers * PARTNERS) * PAGE, &OWN_MODEL, &other);
  control->node[options.worker] = gshm_node(g);
  barrier("start");
  find_rings();
  run();
  control->tally[options.worker] = tally;
  barrier("end");
  /* Blocks are freed by others than those who allocated them: only the sums must agree. */
  for (uint32_t w = 0; options.worker == 0 && w < options.workers; w++) {
    seen.leaked += control->tally[w].allocated;
    seen.leaked -= control->tally[w].freed;
  }
  if (gshm_detach(g) != 0) fail("detach");
  print_report();
  return 0;
}
