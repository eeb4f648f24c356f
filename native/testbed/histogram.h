/* histogram.h: latencies as counts: sixteen buckets for each power of two of nanoseconds, the same
 * as in ts/testbed/histogram.ts. */
#ifndef GSHM_TESTBED_HISTOGRAM_H
#define GSHM_TESTBED_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define SUB_BITS 4
#define BUCKETS (64 << SUB_BITS)

static inline unsigned bucket_of(uint64_t ns) {
  uint64_t value = ns < (1u << SUB_BITS) ? 1u << SUB_BITS : ns;
  unsigned exponent = 63 - (unsigned)__builtin_clzll(value);
  return (exponent << SUB_BITS) + (unsigned)(value >> (exponent - SUB_BITS)) - (1u << SUB_BITS);
}

/* As JSON: [[bucket, count], ...]. */
static inline void print_histogram(const uint64_t counts[BUCKETS]) {
  const char *comma = "";
  putchar('[');
  for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
    if (counts[bucket] == 0) continue;
    printf("%s[%u,%llu]", comma, bucket, (unsigned long long)counts[bucket]);
    comma = ",";
  }
  putchar(']');
}

#endif
