/* episodes_worker.c: threads that load and store single bytes of a shared segment in programs drawn at
 * random that are free of data races, so that every load must see one value, in every consistency model.
 *
 *   episodes_worker --worker I --workers N --threads T --pages P --seconds S --episodes E --seed X
 *                   --segment NAME --shadow FILE --report FILE [--consistency M] [--manager K] [--unit U] [--inject stale]
 *
 * What a byte holds is kept beside it in ordinary memory, the shadow: value, writer, episode. The shadow
 * orders nothing; whoever may access a byte may access its shadow, and a load that differs from it is
 * wrong. Bytes are checked before they are overwritten, and all of them at the end, so that no store
 * can get lost unseen.
 *
 * An episode lasts from one barrier of all threads to the next. Some take no locks, or nothing but small
 * blocks, so that nothing else makes up for what a barrier or the heap fails to do. In each episode the first P pages are
 * divided anew: a page is cut into runs of bytes, most of a few bytes and many of one, and each run has
 * one of the page's few guards:
 *   a thread  it alone checks and changes the run, without asking anybody
 *   a lock    whoever has the lock does
 *   nobody    all check it, none changes it
 * So neighbouring bytes belong to different threads or locks, and what one episode wrote under a lock the
 * next one may read without. The division follows from seed, episode and page; nothing is stored of it.
 *
 * A page's first bytes are a slot, guarded by a lock that goes with the page's number. Slots pass blocks
 * from hand to hand, which the threads allocate in the next P pages: checked when they come (what a block
 * holds then is what was in its place when it was freed), changed, resized, checked and freed.
 *
 * The first thread of the first worker can plant one fault: stale, a store that memory does not see. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gshm.h"
#include "whole.h"

enum { PAGE = 4096, GRANULE = 16, WORKERS_MAX = 256, THREADS_MAX = 64, LOCKS_MAX = 16, GUARDS_MAX = 8 };
enum { SLOT = 8, BLOCKS_MAX = 4, BLOCK_MOST = 3 * PAGE, WRONGS_MAX = 4 };
enum kind { HEAP_ONLY, NO_EDGES, ALL_EDGES, ALL_EDGES_AGAIN, KINDS };
enum guarded { BY_THREAD, BY_LOCK, READ_ONLY, AS_SLOT, AS_BLOCK, AS_FRESH_BLOCK, AT_THE_END };

static const char *const GUARDED[] = {
    [BY_THREAD] = "thread",     [BY_LOCK] = "lock",         [READ_ONLY] = "read-only", [AS_SLOT] = "slot",
    [AS_BLOCK] = "block",       [AS_FRESH_BLOCK] = "fresh", [AT_THE_END] = "end",
};

struct guard {
  enum guarded by;
  uint32_t number;
};

/* Who stored a byte, and what; writer 0 is nobody, else a thread's number + 1. */
struct origin {
  uint32_t episode;
  uint16_t writer;
  uint8_t value;
};

struct shadow {
  _Atomic uint32_t last; /* the number of the last episode, once it is decided */
  _Atomic uint32_t wrong;
  uint32_t node[WORKERS_MAX];
  struct origin origins[];
};

struct wrong {
  uint32_t offset, episode;
  struct guard guard;
  struct origin expected;
  uint8_t seen;
};

struct block {
  uint32_t offset, size;
};

struct thread {
  pthread_t id;
  uint32_t number, dice, episode;
  enum kind kind; /* of the episode */
  struct guard guard; /* of what it accesses */
  struct block blocks[BLOCKS_MAX];
  unsigned held;
  uint64_t loads, stores, cross_node, blocks_seen, wrongs;
  struct wrong wrong[WRONGS_MAX];
  bool inject;
};

static struct {
  uint32_t worker, workers, threads, pages, seconds, episodes, seed;
  const char *segment, *shadow, *report;
  gshm_options model;
  bool inject;
} options;

static gshm *g;
static gshm_segment *segment;
static volatile uint8_t *memory;
static struct shadow *shadow;
static struct thread threads[THREADS_MAX];
static uint32_t everybody, locks;
static uint64_t deadline, leaked;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "worker %u: %s: %s\n", options.worker, what, why);
  exit(1);
}
static void fail_gshm(const char *what) { fail(what, gshm_strerror(errno)); }

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* mulberry32 (T. Ettinger). */
static uint32_t below(uint32_t *dice, uint32_t bound) {
  uint32_t z = *dice += 0x6d2b79f5u;
  z = (z ^ z >> 15) * (z | 1);
  z ^= z + (z ^ z >> 7) * (z | 61);
  return (uint32_t)((uint64_t)(z ^ z >> 14) * bound >> 32);
}

/* The finaliser of MurmurHash3 (A. Appleby). */
static uint32_t mix(uint32_t h, uint32_t value) {
  h ^= value;
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return h ^ h >> 16;
}

/* -- bytes */

static void note_wrong(struct thread *t, uint32_t at, uint8_t seen) {
  if (t->wrongs++ < WRONGS_MAX)
    t->wrong[t->wrongs - 1] = (struct wrong){at, t->episode, t->guard, shadow->origins[at], seen};
  atomic_store(&shadow->wrong, 1);
}

/* Gives what the byte must hold, whatever was seen: the program goes on as it should. */
static uint8_t load(struct thread *t, uint32_t at) {
  const struct origin *origin = &shadow->origins[at];
  uint8_t seen = memory[at];
  t->loads++;
  if (origin->writer && shadow->node[(origin->writer - 1u) / options.threads] != shadow->node[options.worker])
    t->cross_node++;
  if (seen != origin->value) note_wrong(t, at, seen);
  return origin->value;
}

static void store(struct thread *t, uint32_t at, uint8_t value) {
  struct origin *origin = &shadow->origins[at];
  if (t->inject && value != origin->value) t->inject = false;
  else memory[at] = value;
  *origin = (struct origin){t->episode, (uint16_t)(t->number + 1), value};
  t->stores++;
}

static void check(struct thread *t, uint32_t at, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) load(t, at + i);
}

/* Mostly to another value, so that one that is stale differs. */
static void change(struct thread *t, uint32_t at, uint32_t length) {
  for (uint32_t i = 0; i < length; i++)
    store(t, at + i, (uint8_t)(shadow->origins[at + i].value + below(&t->dice, 256)));
}

/* -- runs */

/* What is drawn from these is the same in every thread. */
static uint32_t dice_of(uint32_t episode, uint32_t page) {
  return mix(mix(mix(0x67736d, options.seed), episode), page);
}

/* The page's guards in this episode; `dice` goes on with its runs. */
static uint32_t guards_of(const struct thread *t, uint32_t page, struct guard guards[GUARDS_MAX], uint32_t *dice) {
  *dice = dice_of(t->episode, page);
  uint32_t count = 2 + below(dice, GUARDS_MAX - 1);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t kind = below(dice, 8);
    if (kind < 4) guards[i] = (struct guard){BY_THREAD, below(dice, everybody)};
    else if (kind < 7) guards[i] = (struct guard){BY_LOCK, below(dice, locks)};
    else guards[i] = (struct guard){READ_ONLY, 0};
  }
  return count;
}

/* One byte again and again: while its page is taken away and comes back, it must not miss a store. */
static void insist(struct thread *t, uint32_t at) {
  for (int i = 0; i < 500; i++) {
    check(t, at, 1);
    change(t, at, 1);
  }
}

/* The runs of one guard on the page: all checked, and some changed. */
static void visit(struct thread *t, uint32_t page, uint32_t which) {
  struct guard guards[GUARDS_MAX];
  uint32_t dice, count = guards_of(t, page, guards, &dice), end = (page + 1) * PAGE;
  t->guard = guards[which];
  for (uint32_t at = page * PAGE + SLOT, length; at < end; at += length) {
    length = 1 + below(&dice, below(&dice, 8) ? 8 : 200);
    if (length > end - at) length = end - at;
    if (below(&dice, count) != which) continue;
    check(t, at, length);
    if (t->guard.by != READ_ONLY && below(&t->dice, 2)) change(t, at, length);
    if (t->guard.by == BY_THREAD && below(&t->dice, 64) == 0) insist(t, at);
  }
}

/* What the lock guards on a page drawn at random. */
static void visit_locked(struct thread *t, uint32_t lock) {
  struct guard guards[GUARDS_MAX];
  uint32_t dice, page = below(&t->dice, options.pages), count = guards_of(t, page, guards, &dice);
  for (uint32_t i = 0; i < count; i++)
    if (guards[i].by == BY_LOCK && guards[i].number == lock) visit(t, page, i);
}

/* -- blocks */

static void check_block(struct thread *t, const struct block *block, enum guarded by) {
  t->guard = (struct guard){by, block->size};
  check(t, block->offset, block->size);
  t->blocks_seen++;
}

static uint32_t random_size(struct thread *t) {
  if (t->kind == HEAP_ONLY) return 1 + below(&t->dice, 64);
  return 1 + below(&t->dice, below(&t->dice, 8) ? 600 : BLOCK_MOST);
}

/* A view's bytes from a block's end to the next granule are the block's too: a realloc may copy them. */
static uint32_t whole(uint32_t size) { return (size + GRANULE - 1) / GRANULE * GRANULE; }

static void allocate(struct thread *t) {
  struct block block = {.size = random_size(t)};
  gshm_addr address = gshm_alloc(segment, block.size);
  if (address == 0 && errno == ENOSPC) return;
  if (address == 0) fail_gshm("alloc");
  block.offset = (uint32_t)(address - gshm_at(segment, 0));
  check_block(t, &block, AS_FRESH_BLOCK);
  change(t, block.offset, block.size);
  t->blocks[t->held++] = block;
}

static void give_back(struct thread *t, const struct block *block) {
  check_block(t, block, AS_BLOCK);
  if (gshm_free(segment, gshm_at(segment, block->offset)) != 0) fail_gshm("free");
}

/* The old place may be somebody else's before realloc has returned: what must be kept is remembered. */
static void resize(struct thread *t, struct block *block) {
  static _Thread_local struct origin kept[BLOCK_MOST];
  uint32_t size = random_size(t), length = size < block->size ? size : block->size;
  memcpy(kept, &shadow->origins[block->offset], length * sizeof *kept);
  gshm_addr address = gshm_realloc(segment, gshm_at(segment, block->offset), size);
  if (address == 0 && errno == ENOSPC) return;
  if (address == 0) fail_gshm("realloc");
  *block = (struct block){(uint32_t)(address - gshm_at(segment, 0)), size};
  for (uint32_t i = 0; i < whole(size); i++) {
    struct origin *origin = &shadow->origins[block->offset + i];
    *origin = (struct origin){t->episode, (uint16_t)(t->number + 1), i < length ? kept[i].value : 0};
    if (i >= length) origin->value = memory[block->offset + i]; /* beyond the old end anything may be */
  }
  check_block(t, block, AS_BLOCK);
}

static void drop_block(struct thread *t, unsigned which) { t->blocks[which] = t->blocks[--t->held]; }

static void heap_step(struct thread *t) {
  if (t->held == 0 || (t->held < BLOCKS_MAX && below(&t->dice, 2))) return allocate(t);
  unsigned which = below(&t->dice, t->held);
  struct block *block = &t->blocks[which];
  switch (below(&t->dice, 3)) {
  case 0:
    give_back(t, block);
    return drop_block(t, which);
  case 1:
    check_block(t, block, AS_BLOCK);
    return resize(t, block);
  default:
    check_block(t, block, AS_BLOCK);
    change(t, block->offset, block->size);
  }
}

/* The place of a block that one thread has given back is soon another's, maybe on another node. */
static void heap_steps(struct thread *t) {
  while (t->held < BLOCKS_MAX) {
    unsigned before = t->held;
    allocate(t);
    if (t->held == before) break;
  }
  while (t->held > 0) give_back(t, &t->blocks[--t->held]);
}

static struct block load_slot(struct thread *t, uint32_t page) {
  uint8_t bytes[SLOT];
  struct block block;
  t->guard = (struct guard){AS_SLOT, page % locks};
  for (uint32_t i = 0; i < SLOT; i++) bytes[i] = load(t, page * PAGE + i);
  memcpy(&block, bytes, sizeof block);
  return block;
}

static void store_slot(struct thread *t, uint32_t page, const struct block *block) {
  uint8_t bytes[SLOT];
  memcpy(bytes, block, sizeof bytes);
  for (uint32_t i = 0; i < SLOT; i++) store(t, page * PAGE + i, bytes[i]);
}

/* Under the slot's lock: takes the block that is in it, changes it there, or puts one in. */
static void use_slot(struct thread *t, uint32_t page) {
  static const struct block none;
  struct block block = load_slot(t, page);
  if (block.size == 0 && t->held > 0) {
    store_slot(t, page, &t->blocks[--t->held]);
  } else if (block.size > 0) {
    check_block(t, &block, AS_BLOCK);
    if (t->held == BLOCKS_MAX || below(&t->dice, 2)) return change(t, block.offset, block.size);
    store_slot(t, page, &none);
    t->blocks[t->held++] = block;
  }
}

/* -- threads */

static void lock(uint32_t number) {
  if (gshm_lock_n(g, number) != 0) fail_gshm("lock");
}
static void unlock(uint32_t number) {
  if (gshm_unlock_n(g, number) != 0) fail_gshm("unlock");
}

static void lock_step(struct thread *t, uint32_t number, uint32_t page, uint32_t which) {
  lock(number);
  visit(t, page, which);
  for (int i = 0; i < 4; i++) visit_locked(t, number);
  use_slot(t, number + below(&t->dice, (options.pages - number - 1) / locks + 1) * locks);
  if (number + 1 < locks && below(&t->dice, 4) == 0) { /* a second one, always a higher one */
    uint32_t other = number + 1 + below(&t->dice, locks - number - 1);
    lock(other);
    for (int i = 0; i < 4; i++) visit_locked(t, other);
    unlock(other);
    visit_locked(t, number);
  }
  unlock(number);
}

static void step(struct thread *t) {
  struct guard guards[GUARDS_MAX];
  if (t->kind == HEAP_ONLY) return heap_steps(t);
  uint32_t dice, page = below(&t->dice, options.pages), count = guards_of(t, page, guards, &dice);
  for (uint32_t i = 0; i < count; i++) {
    if (guards[i].by == BY_LOCK && t->kind >= ALL_EDGES && below(&t->dice, 3) == 0) lock_step(t, guards[i].number, page, i);
    if (guards[i].by == BY_THREAD && guards[i].number == t->number) visit(t, page, i);
    if (guards[i].by == READ_ONLY) visit(t, page, i);
  }
  if (t->kind >= ALL_EDGES && below(&t->dice, 3) == 0) heap_step(t);
}

static void barrier(uint32_t number, uint32_t count) {
  if (gshm_barrier_n(g, number, count) != 0) fail_gshm("barrier");
}

/* The very first thread decides, before the barrier that all of them pass. */
static bool last_episode(const struct thread *t) {
  bool over = t->episode == options.episodes || now_ns() >= deadline || atomic_load(&shadow->wrong);
  if (t->number == 0 && over) atomic_store(&shadow->last, t->episode);
  barrier(0, everybody);
  return atomic_load(&shadow->last) == t->episode;
}

/* Everything that is left is checked: blocks by whom it falls to, pages by all. */
static void finish(struct thread *t) {
  static const struct block none;
  for (uint32_t page = t->number; page < options.pages; page += everybody) {
    struct block block = load_slot(t, page);
    if (block.size == 0) continue;
    give_back(t, &block);
    store_slot(t, page, &none);
  }
  while (t->held > 0) give_back(t, &t->blocks[--t->held]);
  barrier(0, everybody);
  t->guard = (struct guard){AT_THE_END, 0};
  check(t, 0, options.pages * PAGE);
}

static void *run(void *argument) {
  struct thread *t = argument;
  do {
    t->episode++;
    uint32_t dice = dice_of(t->episode, options.pages); /* as if there were a page more */
    t->kind = (enum kind)below(&dice, KINDS);
    for (uint32_t steps = 4 + below(&dice, 12); steps > 0; steps--) step(t);
  } while (!last_episode(t));
  finish(t);
  return NULL;
}

/* -- the process */

static void open_shadow(void) {
  size_t size = sizeof *shadow + 2ull * options.pages * PAGE * sizeof *shadow->origins;
  int fd = open(options.shadow, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0) fail(options.shadow, strerror(errno));
  shadow = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shadow == MAP_FAILED) fail(options.shadow, strerror(errno));
  close(fd);
  shadow->node[options.worker] = gshm_node(g);
}

static uint64_t heap_bytes(void) {
  gshm_stat_t stat;
  if (gshm_stat(g, options.segment, &stat) != 0) fail_gshm("stat");
  return stat.heap_bytes;
}

static void start(uint32_t i) {
  struct thread *t = &threads[i];
  t->number = options.worker * options.threads + i;
  t->dice = mix(mix(0x67736d, options.seed), t->number);
  t->inject = t->number == 0 && options.inject;
  int error = pthread_create(&t->id, NULL, run, t);
  if (error) fail("--threads", strerror(error));
}

static uint64_t sum(size_t field) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < options.threads; i++) total += *(uint64_t *)((char *)&threads[i] + field);
  return total;
}

static void print_wrong(FILE *file, const struct thread *t, const struct wrong *w) {
  fprintf(file, "{\"thread\":%u,\"node\":%u,\"page\":%u,\"byte\":%u,\"episode\":%u,\"guard\":\"%s\",\"number\":%u,",
          t->number, gshm_node(g), w->offset / PAGE, w->offset % PAGE, w->episode, GUARDED[w->guard.by],
          w->guard.number);
  fprintf(file, "\"expected\":%u,\"seen\":%u,\"writer\":%d,\"written\":%u}", w->expected.value, w->seen,
          w->expected.writer - 1, w->expected.episode);
}

static void write_report(void) {
  FILE *file = fopen(options.report, "wxe");
  if (!file) fail(options.report, strerror(errno));
  fprintf(file, "{\"episodes\":%u,\"loads\":%llu,\"stores\":%llu,\"crossNode\":%llu,\"blocks\":%llu,\"leaked\":%llu,",
          threads[0].episode, (unsigned long long)sum(offsetof(struct thread, loads)),
          (unsigned long long)sum(offsetof(struct thread, stores)),
          (unsigned long long)sum(offsetof(struct thread, cross_node)),
          (unsigned long long)sum(offsetof(struct thread, blocks_seen)), (unsigned long long)leaked);
  fprintf(file, "\"wrong\":%llu,\"wrongs\":[", (unsigned long long)sum(offsetof(struct thread, wrongs)));
  const char *comma = "";
  for (const struct thread *t = threads; t < threads + options.threads; t++) {
    for (uint64_t i = 0; i < t->wrongs && i < WRONGS_MAX; i++, comma = ",") {
      fputs(comma, file);
      print_wrong(file, t, &t->wrong[i]);
    }
  }
  fputs("]}\n", file);
  if (ferror(file) || fclose(file) != 0) fail(options.report, strerror(errno));
}

static void usage(const char *wrong) {
  fprintf(stderr,
          "%s\nusage: episodes_worker --worker I --workers N --threads T --pages P --seconds S --episodes E --seed X\n"
          "         --segment NAME --shadow FILE --report FILE [--consistency M] [--manager K] [--unit U] [--inject stale]\n",
          wrong);
  exit(2);
}

static uint32_t number(const char *name, const char *text, uint32_t least, uint32_t most) {
  uint32_t value = 0;
  if (!parse_whole(text, least, most, &value)) usage(name);
  return value;
}

static void parse(int argc, char **argv) {
  options.workers = options.threads = options.pages = options.seconds = options.episodes = 1;
  for (int i = 1; i < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!value) usage(name);
    if (!strcmp(name, "--worker")) options.worker = number(name, value, 0, WORKERS_MAX - 1);
    else if (!strcmp(name, "--workers")) options.workers = number(name, value, 1, WORKERS_MAX);
    else if (!strcmp(name, "--threads")) options.threads = number(name, value, 1, THREADS_MAX);
    else if (!strcmp(name, "--pages")) options.pages = number(name, value, 1, UINT16_MAX);
    else if (!strcmp(name, "--seconds")) options.seconds = number(name, value, 1, UINT32_MAX);
    else if (!strcmp(name, "--episodes")) options.episodes = number(name, value, 1, UINT32_MAX);
    else if (!strcmp(name, "--seed")) options.seed = number(name, value, 0, UINT32_MAX);
    else if (!strcmp(name, "--segment")) options.segment = value;
    else if (!strcmp(name, "--shadow")) options.shadow = value;
    else if (!strcmp(name, "--report")) options.report = value;
    else if (!strcmp(name, "--consistency")) options.model.consistency = value;
    else if (!strcmp(name, "--manager")) options.model.manager = value;
    else if (!strcmp(name, "--unit")) options.model.unit = number(name, value, 4096, 65536);
    else if (!strcmp(name, "--inject") && !strcmp(value, "stale")) options.inject = true;
    else usage(name);
  }
  if (!options.segment || !options.shadow || !options.report) usage("--segment, --shadow or --report is missing");
  if (options.worker >= options.workers) usage("--worker must be below --workers");
  everybody = options.workers * options.threads;
  locks = options.pages < LOCKS_MAX ? options.pages : LOCKS_MAX;
}

int main(int argc, char **argv) {
  gshm_addr pages = 0;
  uint64_t before = 0;
  parse(argc, argv);
  if (!(g = gshm_attach(NULL))) fail_gshm("attach");
  uint64_t size = 2ull * options.pages * PAGE;
  segment = gshm_create_with(g, options.segment, size, GSHM_OPEN_OR_CREATE, &options.model);
  if (!segment || !(memory = gshm_map(segment, NULL, 0, 0))) fail_gshm(options.segment);
  open_shadow();
  if (options.worker == 0) { /* the heap's blocks shall lie behind the pages */
    pages = gshm_alloc(segment, (uint64_t)options.pages * PAGE);
    if (pages != gshm_at(segment, 0)) fail("alloc", "a fresh heap's first block is not at its beginning");
    before = heap_bytes();
  }
  barrier(1, options.workers);
  deadline = now_ns() + options.seconds * 1000000000ull;
  for (uint32_t i = 0; i < options.threads; i++) start(i);
  for (uint32_t i = 0; i < options.threads; i++) pthread_join(threads[i].id, NULL);
  if (options.worker == 0) {
    leaked = heap_bytes() - before;
    if (gshm_free(segment, pages) != 0) fail_gshm("free");
    if (gshm_unlink(g, options.segment) != 0) fail_gshm("unlink");
  }
  write_report();
  if (gshm_detach(g) != 0) fail_gshm("detach");
  return 0;
}
