/* parmacs_ranks.c: CREATE and WAIT_FOR_END: rank 0 has the others run functions, one after another.
 *
 * Four mutexes for each rank, two of a kind, of which a function uses one each, in turns, so that neither side has to wait until the
 * other has taken its mutexes again. The first, `begin`, rank 0 holds until it CREATEs; the rank waits for it. The second, `end`, the
 * rank holds until its function has ended; WAIT_FOR_END waits for it. So whoever dies is noticed by whoever waits for it, and
 * both ways the hand-over is a release and an acquire, of all segments. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compat/parmacs.h"
#include "compat/parmacs_copies.h"
#include "compat/parmacs_job.h"
#include "compat/parmacs_ranks.h"

#define END_NS (20 * 1000000000ll) /* so long a CREATE waits for a rank that has something to do yet */

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

/* Of rank 0, of each of the others: what it does for us. */
enum doing { IDLE, RUNS, WENT };
static struct {
  enum doing doing;
  uint32_t turn; /* functions that it has ended */
  uint64_t since; /* which dealing came before its CREATE */
} *others;
static uint32_t *waited_for; /* those that run, in the order of their CREATEs */
static uint32_t running;

/* Of a rank that is not 0: which function it is at. */
static uint32_t turn;
static bool in_function;

static gshm_key lock_of(uint32_t rank, unsigned which) {
  return gshm_located(gshm_at(job->control, (uint64_t)rank * 4096 + which * sizeof(uint64_t)));
}
static gshm_key begin_of(uint32_t rank, uint32_t at) { return lock_of(rank, at % 2); }
static gshm_key end_of(uint32_t rank, uint32_t at) { return lock_of(rank, 2 + at % 2); }

static void lock(gshm_key key, const char *what) {
  if (gshm_mutex_lock(job->g, key, GSHM_FOREVER) != 0) gshm_parmacs_refused(what);
}
static void unlock(gshm_key key, const char *what) {
  if (gshm_mutex_unlock(job->g, key) != 0) gshm_parmacs_refused(what);
}

void gshm_parmacs_hold_ranks(void) {
  others = calloc(job->ranks, sizeof *others);
  waited_for = calloc(job->ranks, sizeof *waited_for);
  if (!others || !waited_for) gshm_parmacs_fail("no memory");
  for (uint32_t rank = 1; rank < job->ranks; rank++)
    for (uint32_t at = 0; at < 2; at++) lock(begin_of(rank, at), "CREATE");
}

void gshm_parmacs_hold_end(void) {
  for (uint32_t at = 0; at < 2; at++) lock(end_of(job->rank, at), "WAIT_FOR_END");
}

static _Noreturn void too_few(const char *at_least, long processes) {
  gshm_parmacs_fail("CREATE: the program wants %s%ld processes, and %u %s started: gshm run -n must be as many", at_least, processes,
                    job->ranks, job->ranks == 1 ? "was" : "were");
}

/* As rank 0, outside of functions that others run. */
static void check_creator(const char *what) {
  gshm_parmacs_begin();
  if (job->rank != 0) gshm_parmacs_fail("%s by rank %u: only the program's main process does that", what, job->rank);
  if (gettid() != getpid()) gshm_parmacs_fail("%s by a thread that is not the program's first: only that one does it", what);
}

/* 0, or -1 when it has not ended in time. */
static int wait_for(uint32_t rank, int64_t timeout_ns, const char *what) {
  uint32_t at = others[rank].turn;
  if (gshm_mutex_lock(job->g, end_of(rank, at), timeout_ns) != 0) {
    if (errno == ETIMEDOUT) return -1;
    if (errno == EOWNERDEAD) gshm_parmacs_died(what, rank);
    gshm_parmacs_refused(what);
  }
  lock(begin_of(rank, at), what);
  unlock(end_of(rank, at), what);
  others[rank].turn++;
  others[rank].doing = gshm_parmacs_cell(rank)->gone ? WENT : IDLE;
  return 0;
}

/* The first so many of those that run need not be waited for any more. */
static void forget(uint32_t waited) {
  for (uint32_t i = waited; i < running; i++) waited_for[i - waited] = waited_for[i];
  running -= waited;
}

/* 0: there is none. Programs CREATE again what has ended, or what is about to: they have met it, at a barrier at its end for
 * instance, and leave WAIT_FOR_END to the end of the program. As long as there was nothing between their CREATEs, all must run at once. */
static uint32_t free_rank(void) {
  for (;;) {
    for (uint32_t rank = 1; rank < job->ranks; rank++)
      if (others[rank].doing == IDLE) return rank;
    if (running == 0 || others[waited_for[0]].since == job->dealings || wait_for(waited_for[0], END_NS, "CREATE") != 0) return 0;
    forget(1);
  }
}

static void create(void (*function)(void), bool of_threads) {
  check_creator("CREATE");
  uint32_t rank = free_rank();
  if (rank == 0) too_few("at least ", (long)running + 2);
  struct gshm_parmacs_cell *cell = gshm_parmacs_cell(rank);
  fflush(NULL);
  if (!gshm_parmacs_has_shared_globals()) /* where they are shared they are everywhere, and to look is to fetch them */
    gshm_image_tell_pointers(&job->image, GSHM_PARMACS_HEAP, job->heap_length,
                             gshm_parmacs_cell(0)->library_at != cell->library_at);
  cell->shares = gshm_parmacs_globals_are_shared(of_threads);
  if (cell->shares) gshm_parmacs_share_globals();
  else gshm_image_save(&job->image, &job->copy);
  gshm_parmacs_save_heap(cell);
  uint32_t times = cell->created + 1;
  cell->function = (uint64_t)(uintptr_t)function;
  cell->created = times;
  others[rank].doing = RUNS;
  others[rank].since = job->dealings;
  waited_for[running++] = rank;
  unlock(begin_of(rank, others[rank].turn), "CREATE");
  /* What it copies must not change meanwhile. */
  for (uint32_t seen; (seen = cell->begun) != times;)
    if (gshm_wait(job->g, (const uint32_t *)&cell->begun, seen, GSHM_FOREVER) < 0) gshm_parmacs_refused("CREATE");
}

void gshm_parmacs_create(void (*function)(void)) { create(function, false); }

void gshm_parmacs_create_all(void (*function)(void), long processes) {
  check_creator("CREATE");
  if (processes > (long)job->ranks) too_few("", processes);
  job->dealings++; /* with those of the last one, which has returned */
  for (long i = 1; i < processes; i++) create(function, true);
  function();
}

void gshm_parmacs_wait_for_end(long processes) {
  check_creator("WAIT_FOR_END");
  uint32_t waited = 0;
  while (waited < running && (long)waited < processes) wait_for(waited_for[waited++], GSHM_FOREVER, "WAIT_FOR_END");
  forget(waited);
}

static void function_ends(void) {
  if (!in_function) return;
  in_function = false;
  unlock(begin_of(job->rank, turn), "the end of a function");
  unlock(end_of(job->rank, turn), "the end of a function");
}

static void process_ends(void) {
  if (!in_function) return;
  gshm_parmacs_cell(job->rank)->gone = 1;
  function_ends();
}

void gshm_parmacs_serve(void) {
  struct gshm_parmacs_cell *cell = gshm_parmacs_cell(job->rank);
  if (atexit(process_ends) != 0) gshm_parmacs_fail("no memory");
  for (;; turn++) {
    if (gshm_mutex_lock(job->g, begin_of(job->rank, turn), GSHM_FOREVER) != 0 && errno != EOWNERDEAD) exit(1);
    uint32_t times = cell->created;
    if (times == cell->begun) exit(0); /* rank 0 has ended */
    if (turn > 0) lock(end_of(job->rank, turn - 1), "CREATE");
    if (cell->shares) gshm_parmacs_share_globals();
    else gshm_image_load(&job->image, &job->copy);
    gshm_parmacs_load_heap(cell);
    in_function = true;
    cell->begun = times;
    gshm_notify(job->g, (const uint32_t *)&cell->begun, 1);
    ((void (*)(void))(uintptr_t)cell->function)();
    fflush(NULL);
    function_ends();
  }
}
