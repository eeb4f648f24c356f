/* trap_floors.h: what a fault costs where the process traps it itself, in C alone. */
#ifndef GSHM_BENCH_TRAP_FLOORS_H
#define GSHM_BENCH_TRAP_FLOORS_H

/* The p50 in microseconds of stores to `count` pages whose SIGSEGV handler asks another process, by an eventfd, and is answered at a
 * futex, before it opens the page by mprotect: of pages that have no frame yet (missing), whose frames are there (minor), and that
 * are readable (wp). Ends the program when something fails. */
void trap_faults(int count, double *samples, double *missing, double *minor, double *wp);

#endif
