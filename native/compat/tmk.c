/* tmk.c: TreadMarks' processes: they come together, meet, exclude each other, and end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat/tmk_team.h"

static gshm_mutex *locks[TMK_NLOCKS];

/* What the caller asked for behind "--". */
static void check_arguments(int argc, char *const *argv) {
  int i = 1;
  while (i < argc && strcmp(argv[i], "--") != 0) i++;
  for (i++; i < argc; i++) {
    if (strncmp(argv[i], "-n", 2) != 0) continue;
    const char *count = argv[i][2] ? argv[i] + 2 : i + 1 < argc ? argv[i + 1] : "";
    char *end;
    unsigned long value = strtoul(count, &end, 10);
    if (end == count || *end || value != Tmk_nprocs)
      gshm_compat_end(TMK, "-n %s: gshm run has started %u: gshm run -n %s -- ...", count, Tmk_nprocs, count);
  }
}

static void check_programs(void) {
  for (unsigned i = 0; i < Tmk_nprocs; i++)
    if (tmk_team->member[i].program != tmk_team->member[0].program)
      gshm_compat_end(TMK, "processes 0 and %u run different executables: one program is wanted, built once", i);
}

static void leave(void) {
  if (!tmk_team) return;
  tmk_distribute_stop();
  tmk_team = NULL;
  gshm_detach(tmk_process);
}

/* All barriers are one: every process comes to each of them, in the same order. So whoever dies is missed by the others,
 * wherever it has been last, and processes come to meet without their daemons. */
static int meet(void) {
  return gshm_barrier_wait(tmk_process, tmk_key(&tmk_team->meeting), Tmk_nprocs, 0, GSHM_FOREVER);
}

void Tmk_startup(int argc, char *const *argv) {
  if (tmk_team) gshm_compat_end(TMK, "Tmk_startup a second time");
  struct gshm_place place = gshm_place_in_run(TMK);
  if (place.ranks > TMK_NPROCS)
    gshm_compat_end(TMK, "%u processes: TMK_NPROCS, %d, is the most", place.ranks, TMK_NPROCS);
  Tmk_proc_id = place.rank;
  Tmk_nprocs = place.ranks;
  check_arguments(argc, argv);
  tmk_process = gshm_attach(NULL);
  if (!tmk_process) gshm_compat_end(TMK, "Tmk_startup: %s", gshm_strerror(errno));
  /* Alone it has a run of its own, whatever else is running. */
  if (place.ranks == 1 && !*place.run)
    snprintf(place.run, sizeof place.run, "%u-%d", gshm_node(tmk_process), (int)getpid());
  char name[64];
  tmk_memory_open(tmk_process, &place);
  tmk_team_open(&place, name);
  tmk_team->member[Tmk_proc_id].program = tmk_program();
  if (Tmk_nprocs > 1) tmk_distribute_start();
  atexit(leave);
  if (meet() != 0) gshm_compat_end(TMK, "Tmk_startup: %s", gshm_strerror(errno));
  check_programs();
  if (Tmk_proc_id != 0 || Tmk_nprocs == 1) return;
  /* All have them open: the memory goes with the last one, however that ends. */
  gshm_unlink(tmk_process, name);
  tmk_memory_unlink(tmk_process);
}

void Tmk_exit(int status) { exit(status); }

void Tmk_barrier(unsigned barrier) {
  tmk_started("Tmk_barrier");
  if (barrier >= TMK_NBARRIERS) gshm_compat_end(TMK, "Tmk_barrier(%u): TMK_NBARRIERS is %d", barrier, TMK_NBARRIERS);
  if (meet() != 0) gshm_compat_end(TMK, "Tmk_barrier(%u): %s", barrier, gshm_strerror(errno));
}

static gshm_mutex *mutex(const char *call, unsigned lock) {
  gshm *g = tmk_started(call);
  if (lock >= TMK_NLOCKS) gshm_compat_end(TMK, "%s(%u): TMK_NLOCKS is %d", call, lock, TMK_NLOCKS);
  if (!locks[lock]) locks[lock] = gshm_mutex_handle(g, tmk_key(&tmk_team->locks[lock]));
  if (!locks[lock]) gshm_compat_end(TMK, "%s(%u): %s", call, lock, gshm_strerror(errno));
  return locks[lock];
}

void Tmk_lock_acquire(unsigned lock) {
  if (gshm_mutex_acquire(mutex("Tmk_lock_acquire", lock), GSHM_FOREVER) != 0)
    gshm_compat_end(TMK, "Tmk_lock_acquire(%u): %s", lock, gshm_strerror(errno));
}

void Tmk_lock_release(unsigned lock) {
  if (gshm_mutex_release(mutex("Tmk_lock_release", lock)) != 0)
    gshm_compat_end(TMK, "Tmk_lock_release(%u): %s", lock, gshm_strerror(errno));
}

static gshm_key condition_key(const char *call, unsigned lock, unsigned condition) {
  mutex(call, lock);
  if (condition >= TMK_NCONDS)
    gshm_compat_end(TMK, "%s(%u, %u): TMK_NCONDS is %d", call, lock, condition, TMK_NCONDS);
  return tmk_key(&tmk_team->conditions[lock][condition]);
}

void Tmk_lock_cond_wait(unsigned lock, unsigned condition) {
  gshm_key key = condition_key("Tmk_lock_cond_wait", lock, condition);
  if (gshm_condition_wait(tmk_process, key, tmk_key(&tmk_team->locks[lock]), GSHM_FOREVER) != 0)
    gshm_compat_end(TMK, "Tmk_lock_cond_wait(%u, %u): %s", lock, condition, gshm_strerror(errno));
}

void Tmk_lock_cond_signal(unsigned lock, unsigned condition) {
  if (gshm_condition_signal(tmk_process, condition_key("Tmk_lock_cond_signal", lock, condition)) != 0)
    gshm_compat_end(TMK, "Tmk_lock_cond_signal(%u, %u): %s", lock, condition, gshm_strerror(errno));
}

void Tmk_lock_cond_broadcast(unsigned lock, unsigned condition) {
  if (gshm_condition_broadcast(tmk_process, condition_key("Tmk_lock_cond_broadcast", lock, condition)) != 0)
    gshm_compat_end(TMK, "Tmk_lock_cond_broadcast(%u, %u): %s", lock, condition, gshm_strerror(errno));
}
