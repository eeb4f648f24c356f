/* parmacs.h: what programs say to globalshm that are written with the PARMACS (ANL) macros. c.m4.gshm makes
 * these calls of the macros; a program need not name them. Link with -lgshm_parmacs (gshm flags --parmacs).
 *
 * One process a rank, all of the same executable, at the same addresses. Rank 0 runs main; the others stop before it,
 * and CREATE has one of them run a function, with a copy of rank 0's global variables, or the same ones. What all share
 * in any case is what G_MALLOC gives. There is no error to look at: what cannot go on ends the rank with a line on standard error, and
 * `gshm run` ends the others.
 *
 * Locks and the like lie in G_MALLOC memory or are global variables. Of those, and of what is declared `static`,
 * every rank means the same by the same name, though each has its own copy of the variable. */
#ifndef GSHM_PARMACS_H
#define GSHM_PARMACS_H

/* What such programs were used to find included. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#ifndef __cplusplus
#include <stdatomic.h>
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef PAGE_SIZE
#define PAGE_SIZE 4096
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define GSHM_PARMACS_API __attribute__((visibility("default")))

/* A lock is its address: what it holds is its place in a struct. So is a condition variable. */
typedef struct { uint64_t place; } gshm_parmacs_mutex;
typedef struct { uint64_t place; } gshm_parmacs_condition;
typedef struct { uint64_t count; } gshm_parmacs_gate; /* BARINIT's, for a BARRIER without one */
typedef struct { uint64_t set; } gshm_parmacs_flag;   /* PAUSE; SEM: units */
typedef struct { int64_t next, waiting, round; } gshm_parmacs_subscripts;
#define GSHM_PARMACS_QUEUES 8
typedef struct {
  uint64_t busy; /* somebody is in it */
  struct { uint64_t came, continued; } queues[GSHM_PARMACS_QUEUES];
} gshm_parmacs_monitor;

/* MAIN_INITENV, and whatever else comes first: attaches to the node's daemon. Under `gshm run -n` that is done already. */
GSHM_PARMACS_API void gshm_parmacs_begin(void);
/* G_MALLOC: 16-byte aligned, at the same address in every rank; NULL, with a line on standard error, when all nodes
 * have no more. G_FREE: of such a block, by any rank; NULL does nothing. */
GSHM_PARMACS_API void *gshm_parmacs_malloc(size_t size);
GSHM_PARMACS_API void gshm_parmacs_free(void *block);

/* CREATE(function): the next rank runs it. CREATE(function, processes): the next processes - 1 ranks do, and so does
 * the caller, before it returns, and from then on all have the same global variables, as threads have; GSHM_GLOBALS in the
 * environment says `copied` or `shared` for both. WAIT_FOR_END: until so many of those that were created have ended, or all; what they
 * wrote is seen then. By the thread that began rank 0 only. */
GSHM_PARMACS_API void gshm_parmacs_create(void (*function)(void));
GSHM_PARMACS_API void gshm_parmacs_create_all(void (*function)(void), long processes);
GSHM_PARMACS_API void gshm_parmacs_wait_for_end(long processes);

GSHM_PARMACS_API void gshm_parmacs_lock(const void *lock);
GSHM_PARMACS_API void gshm_parmacs_unlock(const void *lock);
/* @param processes 0: as BARINIT said */
GSHM_PARMACS_API void gshm_parmacs_barrier(gshm_parmacs_gate *barrier, long processes);
GSHM_PARMACS_API void gshm_parmacs_barrier_init(gshm_parmacs_gate *barrier, long processes);

/* SETPAUSE, CLEARPAUSE. WAITPAUSE: until it is set. PAUSE: until it is set, and clears it. EVENT: until it is clear, and
 * sets it. */
GSHM_PARMACS_API void gshm_parmacs_set(gshm_parmacs_flag *flag);
GSHM_PARMACS_API void gshm_parmacs_clear(gshm_parmacs_flag *flag);
GSHM_PARMACS_API void gshm_parmacs_wait_set(gshm_parmacs_flag *flag);
GSHM_PARMACS_API void gshm_parmacs_take(gshm_parmacs_flag *flag);
GSHM_PARMACS_API void gshm_parmacs_give(gshm_parmacs_flag *flag);
/* SEMINIT, SEMP, SEMV. */
GSHM_PARMACS_API void gshm_parmacs_units(gshm_parmacs_flag *semaphore, long units);
GSHM_PARMACS_API void gshm_parmacs_down(gshm_parmacs_flag *semaphore);
GSHM_PARMACS_API void gshm_parmacs_up(gshm_parmacs_flag *semaphore);

/* CONDVARWAIT, CONDVARSIGNAL, CONDVARBCAST. */
GSHM_PARMACS_API void gshm_parmacs_condition_wait(const void *condition, const void *lock);
GSHM_PARMACS_API void gshm_parmacs_condition_wake(const void *condition, int all);

/* MONINIT, MENTER, MEXIT. DELAY: leaves the monitor, until another says CONTINUE of that queue (0 to 7) and leaves: then it is in
 * the monitor again, before anybody else. CONTINUE of a queue in which nobody waits is MEXIT. */
GSHM_PARMACS_API void gshm_parmacs_monitor_init(gshm_parmacs_monitor *monitor);
GSHM_PARMACS_API void gshm_parmacs_monitor_enter(gshm_parmacs_monitor *monitor);
GSHM_PARMACS_API void gshm_parmacs_monitor_exit(gshm_parmacs_monitor *monitor);
GSHM_PARMACS_API void gshm_parmacs_monitor_delay(gshm_parmacs_monitor *monitor, long queue);
GSHM_PARMACS_API void gshm_parmacs_monitor_continue(gshm_parmacs_monitor *monitor, long queue);

/* GSINIT, GETSUB: the next of 0 to `last`; when there is none -1, to all of `processes` at once, and it begins anew. */
GSHM_PARMACS_API void gshm_parmacs_subscripts_init(gshm_parmacs_subscripts *s);
GSHM_PARMACS_API long gshm_parmacs_subscript(gshm_parmacs_subscripts *s, long last, long processes);

/* RELEASE_FENCE, ACQUIRE_FENCE, FULL_FENCE (both): also across nodes, when G_MALLOC memory is lrc. */
GSHM_PARMACS_API void gshm_parmacs_release(void);
GSHM_PARMACS_API void gshm_parmacs_acquire(void);

/* CLOCK: microseconds. GET_PID: the rank. */
GSHM_PARMACS_API unsigned long gshm_parmacs_clock(void);
GSHM_PARMACS_API int gshm_parmacs_rank(void);

#ifdef __cplusplus
}
#endif
#endif
