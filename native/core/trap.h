/* trap.h: access changes of another process's pages through abi/trap.h: what uffd.h does, where there is no userfaultfd.
 *
 * The calls have the meaning of those of uffd.h, as far as mprotect allows. Differences:
 *  - a page is mapped for whoever waits for it, not for all of a view: others fault when they come;
 *  - a frame that is punched stays accessible, as zeros: gshm_trap_revoke comes first;
 *  - what takes access away waits for the process, GSHM_TRAP_SLICE_MS at most, and gives AGAIN then: repeat it. */
#ifndef GSHM_CORE_TRAP_H
#define GSHM_CORE_TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/trap.h"
#include "core/uffd.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GSHM_TRAP_SLICE_MS 5

struct gshm_trap;

/* For the process `pid`; NULL with errno. */
struct gshm_trap *gshm_trap_open(int pid);
void gshm_trap_close(struct gshm_trap *trap);

/* What the process gets: the memory, and the bell that it rings and the daemon polls. They stay ours. */
int gshm_trap_memory(const struct gshm_trap *trap);
int gshm_trap_bell(const struct gshm_trap *trap);

/* A view begins, which allows nothing yet. 0; -EBUSY: another lies there; -ENOMEM. */
int gshm_trap_register(struct gshm_trap *trap, uint64_t address, uint64_t length);
/* It has ended: what lies there now is not ours. */
void gshm_trap_unregister(struct gshm_trap *trap, uint64_t address, uint64_t length);

/* As gshm_uffd_read; every message is a fault. Never a negative errno. */
int gshm_trap_read(struct gshm_trap *trap, struct uffd_msg *messages, size_t count);

/* OK: whoever waits for a page of the range can use it. */
enum gshm_change gshm_trap_resume(struct gshm_trap *trap, uint64_t address, uint64_t length, bool writable);
/* When it returns OK no thread of the process can write to the range any more (`none`: nor read). A negative errno: it still
 * could, and the process must end. GONE: it has ended. */
int gshm_trap_restrict(struct gshm_trap *trap, uint64_t address, uint64_t length, bool none);
/* SIGBUS for whoever waits for a page of the range, which allows nothing (gshm_trap_restrict). */
void gshm_trap_poison(struct gshm_trap *trap, uint64_t address, uint64_t length);
void gshm_trap_wake(struct gshm_trap *trap, uint64_t address, uint64_t length);

bool gshm_trap_alive(const struct gshm_trap *trap);

#ifdef __cplusplus
}
#endif
#endif
