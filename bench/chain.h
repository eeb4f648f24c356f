/* chain.h: the hops of a lock's hand-over between two nodes, with nothing but bytes on them. */
#ifndef GSHM_BENCH_CHAIN_H
#define GSHM_BENCH_CHAIN_H

#include "alternate.h"

/* p50 in microseconds of `count` hand-overs each way of 64 bytes between two processes that take turns (alternate.h):
 * each has a unix socket of the device's kind to a process that waits for it by epoll and sends on by TCP to the
 * other's, and back. `meeting` is zeroed, and shared; `samples` has room for `count`. */
double chain(struct meeting *meeting, int count, double *samples);

#endif
