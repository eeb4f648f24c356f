/* measure.h: the clock and the little statistics that the benchmarks' C programs need. */
#ifndef GSHM_BENCH_MEASURE_H
#define GSHM_BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One clock for all processes of the machine. */
static inline double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Sorts the samples. */
static inline double median(double *samples, int count) {
  qsort(samples, (size_t)count, sizeof *samples, by_value);
  return samples[count / 2];
}

/* p50 in microseconds of a store to each of `count` pages of 4 KiB. */
static inline double store_to_pages(char *base, int count, double *samples) {
  for (int i = 0; i < count; i++) {
    double before = now_us();
    *(volatile char *)(base + (size_t)i * 4096u) = 1;
    samples[i] = now_us() - before;
  }
  return median(samples, count);
}

static inline void print_samples(const double *us, int count) {
  printf("{\"us\":[");
  for (int i = 0; i < count; i++) printf(i == 0 ? "%.4f" : ",%.4f", us[i]);
  puts("]}");
  fflush(stdout);
}

#endif
