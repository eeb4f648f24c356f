/* matrix.c: the product of two n x n matrices, in blocks that a processor's cache holds.
 *
 * A rank has a band of rows of both factors, and makes that band of the product: it needs all of the right factor, once. It
 * begins with the rows of that which it has itself, so ranks do not all ask the same home at the same time. Numbers are
 * small and whole: sums are exact in any order.
 *
 * mrsw: what is shared is only read. Units of 64 KiB are the fewest faults for it. */
#include "kernel.h"

#define ROWS 64u /* of the right factor, and as many columns of the left one, at a time */
#define COLUMNS 256u

static void fill_rows(double *rows, unsigned n, unsigned first, unsigned end, uint64_t seed) {
  for (size_t at = 0; at < (size_t)(end - first) * n; at++) rows[at] = (double)(int)(4 * number_at(seed + (uint64_t)first * n + at));
}

/* c += the part of a's rows that meets rows `from` to `to` of b. */
static void multiply(double *restrict c, const double *restrict a, const double *restrict b, unsigned rows, unsigned n, unsigned from,
                     unsigned to) {
  for (unsigned k0 = from; k0 < to; k0 += ROWS)
    for (unsigned j0 = 0; j0 < n; j0 += COLUMNS) {
      unsigned k1 = k0 + ROWS < to ? k0 + ROWS : to, j1 = j0 + COLUMNS < n ? j0 + COLUMNS : n;
      for (unsigned i = 0; i < rows; i++)
        for (unsigned k = k0; k < k1; k++) {
          const double factor = a[(size_t)i * n + k], *restrict row = b + (size_t)(k - from) * n;
          double *restrict sum = c + (size_t)i * n;
          for (unsigned j = j0; j < j1; j++) sum[j] += factor * row[j];
        }
    }
}

static double plain(const unsigned size[], struct sink *out) {
  unsigned n = size[0];
  size_t bytes = (size_t)n * n * sizeof(double);
  double *a = plain_memory(bytes), *b = plain_memory(bytes), *c = plain_memory(bytes);
  fill_rows(a, n, 0, n, 1);
  fill_rows(b, n, 0, n, 2);
  double began = clock_seconds();
  multiply(c, a, b, n, n, 0, n);
  double seconds = clock_seconds() - began;
  sink_doubles(out, c, (size_t)n * n);
  return seconds;
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  unsigned n = size[0], first = team_first(t, t->rank, n), end = team_first(t, t->rank + 1, n);
  size_t sizes[TEAM_MAX];
  void *left[TEAM_MAX], *right[TEAM_MAX], *product[TEAM_MAX];
  for (unsigned r = 0; r < t->ranks; r++)
    sizes[r] = (size_t)(team_first(t, r + 1, n) - team_first(t, r, n)) * n * sizeof(double);
  team_memory(t, "left", 65536, sizes, left);
  team_memory(t, "right", 65536, sizes, right);
  team_memory(t, "product", 65536, sizes, product);
  double *a = left[t->rank], *c = product[t->rank];
  fill_rows(a, n, first, end, 1);
  fill_rows(right[t->rank], n, first, end, 2);
  for (size_t at = 0; at < (size_t)(end - first) * n; at++) c[at] = 0;
  team_begin(t);
  for (unsigned step = 0; step < t->ranks; step++) {
    unsigned r = (t->rank + step) % t->ranks;
    multiply(c, a, right[r], end - first, n, team_first(t, r, n), team_first(t, r + 1, n));
  }
  double seconds = team_end(t);
  if (t->rank == 0)
    for (unsigned r = 0; r < t->ranks; r++) sink_doubles(out, product[r], (size_t)(team_first(t, r + 1, n) - team_first(t, r, n)) * n);
  return seconds;
}

const struct kernel kernel_matrix = {"matrix", "ROWS", {1}, {8192}, 0, plain, shared};
