/* litmus_job.h: what a litmus worker is told to do, and where it says what came of it.
 *
 *   litmus_worker --worker I --workers N --segment NAME --pages N --sync FILE
 *                 [--consistency MODEL] [--manager KIND] [--unit BYTES]
 *
 * ts/testbed/litmus/workers.ts starts one worker on each node, and writes every job, one line of
 * whole numbers, to all of them. All runs of a job lie in the segment beforehand: run i has a cell,
 * one 64-byte line, for each location, in page `page + i / per_page * step` at line
 * `line + i % per_page * stride`. A page here is a coherence unit, and its 64 lines lie all over it. So
 * runs need no fresh page, several locations can share a page, and one barrier covers the whole job:
 *
 *   1. the worker `reset` writes the initial values of all cells;
 *   2. gshm_barrier; each worker runs its threads of the test, all runs one after the other. Before
 *      every burst of them the threads of all workers meet in FILE, ordinary memory that all workers
 *      map: meeting in a segment would take page faults, and let the threads start far apart;
 *   3. gshm_barrier; the worker `collect` reads the final values and prints how often each outcome
 *      was there.
 *
 * The line: id runs per_page step reset collect guard seed burst warm delay gap,
 *   locations { page line stride initial },
 *   threads { worker, registers { slot initial }, instructions { op location register source value } }
 * where lists begin with their length. A line of the answer: id, number of outcomes, and for each of
 * them: runs that ended so, the first of those, the registers' values by slot, the locations' values. */
#ifndef GSHM_LITMUS_JOB_H
#define GSHM_LITMUS_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PAGE 4096
#define LINE 64
#define RUNS_MAX 2048
#define LOCATIONS_MAX 32
#define THREADS_MAX 32
#define REGISTERS_MAX 16
#define INSTRUCTIONS_MAX 64
#define SLOTS_MAX 64 /* registers that are reported, of all threads together */
#define NO_SLOT (-1) /* a register that is not */

enum op { LOAD, STORE, EXCHANGE, MOVE, FENCE };
#define NO_SOURCE (-1) /* STORE and MOVE take `value`, not a register */

struct instruction {
  int64_t op, location, reg, source, value;
};

struct location {
  int64_t page, line, stride, initial;
};

struct thread {
  int64_t worker, registers, instructions;
  struct {
    int64_t slot, initial;
  } reg[REGISTERS_MAX];
  struct instruction instruction[INSTRUCTIONS_MAX];
};

struct job {
  int64_t id, runs, per_page, step;
  int64_t reset, collect; /* workers */
  int64_t guard;          /* each thread runs as a whole under this lock; 0: under none */
  int64_t seed;
  int64_t burst;      /* runs from one meeting to the next */
  int64_t warm;       /* with a burst of 1, per mille: how often a thread touches a page before a run begins */
  int64_t delay, gap; /* ns at most: before the first instruction, between two of them */
  int64_t locations, threads;
  struct location location[LOCATIONS_MAX];
  struct thread thread[THREADS_MAX];
};

/* FILE: where threads meet, and registers after each run. */
struct sync {
  _Atomic uint32_t arrived;
  char pad1[LINE - 4];
  _Atomic uint32_t generation;
  char pad2[LINE - 4];
  _Atomic uint32_t awake;
  char pad3[LINE - 4];
  int64_t outcome[RUNS_MAX][SLOTS_MAX + LOCATIONS_MAX];
};

/* NULL, or what is wrong with the line. */
const char *job_parse(struct job *job, const char *line, uint64_t workers, uint64_t pages);
/* Registers that are reported: the slots 0 to slots - 1. */
int64_t job_slots(const struct job *job);
#endif
