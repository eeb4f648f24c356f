/* trap.h: faults trapped by this process itself, with mprotect and SIGSEGV, where it gets no userfaultfd.
 *
 * abi/trap.h has what is shared with the daemon. Views are mapped PROT_NONE and are not inherited (MADV_DONTFORK); only the
 * handler (trap_handler.c) makes pages accessible, as the daemon has granted it, and only the service thread
 * (trap_service.c) takes access away, as the daemon orders it. */
#ifndef GSHM_CLIENT_TRAP_H
#define GSHM_CLIENT_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/trap.h"

#ifdef __cplusplus
extern "C" {
#endif

enum gshm_trap_choice { GSHM_TRAP_EITHER, GSHM_TRAP_USERFAULTFD, GSHM_TRAP_MPROTECT };
/* What GSHM_TRAP in the environment says: "userfaultfd", "mprotect", or nothing (userfaultfd where it can be had). In *choice; 0, or
 * -1 with INVALID. */
int gshm_trap_choose(enum gshm_trap_choice *choice);

/* This process is registered so. */
bool gshm_trap_is_on(void);
/* The daemon has taken this process: memory is abi/trap.h's, bell the eventfd. Both are this module's from now on, also when it
 * fails. 0, or -1 with the error set. */
int gshm_trap_begin(int memory, int bell);
/* The views are gone and the daemon knows of nothing any more: threads that still wait for a page fault again. */
void gshm_trap_end(void);
/* The handler is there, also when the program has installed one of its own since. 0, or -1 with the error set. */
int gshm_trap_install(void);

/* A range that is mapped PROT_NONE from `memfd` at `offset`, for which the daemon is about to answer. 0, or -1 with the error set. */
int gshm_trap_range_add(uintptr_t start, uintptr_t end, uint32_t segment, int memfd, uint64_t offset);
/* They end: nothing of them is accessible from now on, while they are still mapped. */
void gshm_trap_range_remove(uintptr_t start, uintptr_t end);
/* A view gives way to other memory, which threads use on meanwhile. Between these calls a fault that is in no view is tried
 * again; the second one waits for those that are being served still, a second at most: they may restrict that memory. */
void gshm_trap_swap_begin(void);
void gshm_trap_swap_settle(void);
void gshm_trap_swap_end(void);
/* The range that `address` is in. Async-signal-safe. */
bool gshm_trap_range_find(uintptr_t address, uintptr_t *start, uintptr_t *end);
/* What the daemon has ordered, where it is a view still. Where the kernel refuses one more mapping (vm.max_map_count) the whole
 * view is given up: the page directory knows which of its pages are here, and whoever needs one faults again. 0 or a negative
 * errno: some page may allow more than that. */
int gshm_trap_range_restrict(const struct gshm_trap_range *order);
/* Every range allows nothing from now on. 0 or a negative errno. */
int gshm_trap_range_darken(void);

/* Across fork(). In the child the ranges are known, and not mapped; `again` maps each and has `tell`
 * tell the daemon: 0, or -1 with the error set. With `tell` NULL: every access to them gets SIGBUS. */
void gshm_trap_fork_prepare(void);
void gshm_trap_fork_parent(void);
void gshm_trap_fork_child(void);
int gshm_trap_fork_again(int (*tell)(uint32_t segment, uintptr_t start, uint64_t offset, uint64_t length));
#ifdef __cplusplus
}
#endif
#endif
