/* tmk_team.h: the processes of one TreadMarks program, and the segment by which they know each other: in `mrsw`, so that its
 * words need no lock. Locks, conditions and barriers are named by addresses in it, and are gone with it. */
#ifndef GSHM_TMK_TEAM_H
#define GSHM_TMK_TEAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "client/gshm.h"
#include "compat/Tmk.h"
#include "compat/place.h"

#define TMK "Tmk"
#define TMK_MESSAGE_MAX 65536u
#define TMK_ENDED UINT32_MAX

/* One of each process, on a page of its own: others do not take it away. */
struct tmk_member {
  _Alignas(4096) _Atomic uint32_t applied; /* the number of the last message that it has taken, or TMK_ENDED */
  _Atomic uint64_t program; /* what it runs */
};

struct tmk_team {
  /* Nothing is stored in these: they are the addresses of what they are called. */
  char locks[TMK_NLOCKS], conditions[TMK_NLOCKS][TMK_NCONDS], meeting, sending;
  struct tmk_member member[TMK_NPROCS];
  /* Tmk_distribute's message, written by who holds `sending`. */
  _Alignas(4096) _Atomic uint32_t number; /* of messages so far */
  uint32_t size;
  uint64_t module, offset;
  unsigned char bytes[TMK_MESSAGE_MAX];
};

/* NULL before Tmk_startup. */
extern gshm *tmk_process;
extern struct tmk_team *tmk_team;

/* The handle, or the end of the program: `call` came before Tmk_startup. */
gshm *tmk_started(const char *call);
/* The key that something in the team's segment stands for. */
gshm_key tmk_key(const void *place);
/* Maps the segment of the team, made by whoever comes first. `name`: what it is called while a name is wanted. */
void tmk_team_open(const struct gshm_place *place, char name[64]);

/* tmk_memory.c: shared memory for all; its name may go when all have opened it. */
void tmk_memory_open(gshm *g, const struct gshm_place *place);
void tmk_memory_unlink(gshm *g);
int tmk_is_shared(const void *address);

/* tmk_modules.c: where a variable lies, in words that mean the same in every process of one program. */
struct tmk_variable {
  uint64_t module, offset;
};
/* 0, or -1: no variable that can be written has those bytes. */
int tmk_variable_of(const void *address, size_t size, struct tmk_variable *out);
void *tmk_variable_here(const struct tmk_variable *variable, size_t size);
/* A number that two different executables do not share. */
uint64_t tmk_program(void);

/* tmk_distribute.c: a thread that takes messages; when stop returns it does not touch the team any more, and nobody waits
 * for it. */
void tmk_distribute_start(void);
void tmk_distribute_stop(void);

#endif
