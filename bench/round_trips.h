/* round_trips.h: what a message there and back costs in C alone, between two processes that block. */
#ifndef GSHM_BENCH_ROUND_TRIPS_H
#define GSHM_BENCH_ROUND_TRIPS_H

#include <stddef.h>

#define REPLY_MAX 4096u

/* Two ends of a TCP connection over loopback, without delay. */
void tcp_pair(int pair[2]);

/* p50 in microseconds of `count` round trips, read in the thread that waits; `samples` has room for them.
 * By TCP over loopback: 64 bytes there, `bytes` back. By a unix socket of the device's kind: 64 each way. */
double tcp_round_trip(size_t bytes, int count, double *samples);
double device_round_trip(int count, double *samples);

#endif
