/* tmk_distribute.c: Tmk_distribute. Each process has a thread that waits for messages, so that a variable changes also in one
 * that computes meanwhile, as TreadMarks' interrupts do it. One message at a time: its sender waits for all. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "compat/tmk_team.h"

static void apply(const struct tmk_team *team) {
  struct tmk_variable variable = {team->module, team->offset};
  void *here = tmk_variable_here(&variable, team->size);
  if (!here) gshm_compat_end(TMK, "Tmk_distribute: this process has not loaded the library of that variable");
  memcpy(here, team->bytes, team->size);
}

/* Held while a message is taken, and for ever once this process ends: then the team may be unmapped. */
static pthread_mutex_t taking = PTHREAD_MUTEX_INITIALIZER;

static void *serve(void *given) {
  struct tmk_team *team = given;
  gshm *g = tmk_process;
  struct tmk_member *self = &team->member[Tmk_proc_id];
  for (uint32_t taken = 0;;) {
    if (gshm_wait(g, (const uint32_t *)&team->number, taken, GSHM_FOREVER) < 0) return NULL; /* the process ends */
    pthread_mutex_lock(&taking);
    if (team->number != taken) {
      apply(team);
      self->applied = ++taken;
      gshm_notify(g, (const uint32_t *)&self->applied, UINT32_MAX);
    }
    pthread_mutex_unlock(&taking);
  }
}

void tmk_distribute_stop(void) {
  struct tmk_member *self = &tmk_team->member[Tmk_proc_id];
  pthread_mutex_lock(&taking);
  self->applied = TMK_ENDED;
  gshm_notify(tmk_process, (const uint32_t *)&self->applied, UINT32_MAX);
}

void tmk_distribute_start(void) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGSEGV); /* its own faults are its own, also where they are trapped so (GSHM_TRAP=mprotect) */
  sigdelset(&all, SIGBUS);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's own threads' */
  int error = pthread_create(&thread, NULL, serve, tmk_team);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) gshm_compat_end(TMK, "Tmk_startup: a thread: %s", strerror(error));
  pthread_detach(thread);
}

/* Under `sending`. */
static void send(gshm *g, const struct tmk_variable *variable, const unsigned char *bytes, size_t size) {
  struct tmk_team *team = tmk_team;
  team->module = variable->module;
  team->offset = variable->offset;
  team->size = (uint32_t)size;
  memcpy(team->bytes, bytes, size);
  uint32_t number = ++team->number;
  if (gshm_notify(g, (const uint32_t *)&team->number, UINT32_MAX) < 0)
    gshm_compat_end(TMK, "Tmk_distribute: %s", gshm_strerror(errno));
  for (unsigned i = 0; i < Tmk_nprocs; i++) {
    struct tmk_member *other = &team->member[i];
    while (i != Tmk_proc_id && other->applied == number - 1)
      if (gshm_wait(g, (const uint32_t *)&other->applied, number - 1, GSHM_FOREVER) < 0)
        gshm_compat_end(TMK, "Tmk_distribute: %s", gshm_strerror(errno));
  }
}

void Tmk_distribute(const void *address, int size) {
  gshm *g = tmk_started("Tmk_distribute");
  if (size < 0) gshm_compat_end(TMK, "Tmk_distribute(%p, %d): there is no such size", address, size);
  if (tmk_is_shared(address)) return;
  struct tmk_variable variable;
  if (tmk_variable_of(address, (size_t)size, &variable) != 0)
    gshm_compat_end(TMK, "Tmk_distribute(%p, %d): those bytes are not of a global variable, which every process has", address,
                    size);
  if (Tmk_nprocs == 1) return;
  if (gshm_mutex_lock(g, tmk_key(&tmk_team->sending), GSHM_FOREVER) != 0)
    gshm_compat_end(TMK, "Tmk_distribute: %s", gshm_strerror(errno));
  const unsigned char *bytes = address;
  for (size_t left = (size_t)size; left > 0;) {
    size_t part = left < TMK_MESSAGE_MAX ? left : TMK_MESSAGE_MAX;
    send(g, &variable, bytes, part);
    variable.offset += part;
    bytes += part;
    left -= part;
  }
  if (gshm_mutex_unlock(g, tmk_key(&tmk_team->sending)) != 0)
    gshm_compat_end(TMK, "Tmk_distribute: %s", gshm_strerror(errno));
}
