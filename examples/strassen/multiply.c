/* multiply.c: the arithmetic: within one process, in memory of any kind. */
#include <string.h>

#include "strassen.h"

const signed char strassen_left[7][4] = {{1, 0, 0, 1}, {0, 0, 1, 1},  {1, 0, 0, 0}, {0, 0, 0, 1},
                                         {1, 1, 0, 0}, {-1, 0, 1, 0}, {0, 1, 0, -1}};
const signed char strassen_right[7][4] = {{1, 0, 0, 1}, {1, 0, 0, 0}, {0, 1, 0, -1}, {-1, 0, 1, 0},
                                          {0, 0, 0, 1}, {1, 1, 0, 0}, {0, 0, 1, 1}};
const signed char strassen_sum[4][7] = {
    {1, 0, 0, 1, -1, 0, 1}, {0, 0, 1, 0, 1, 0, 0}, {0, 1, 0, 1, 0, 0, 0}, {1, -1, 1, 0, 0, 1, 0}};

void strassen_add(double *restrict to, const double *restrict from, int sign, unsigned long n) {
  if (sign > 0)
    for (unsigned long i = 0; i < n; i++) to[i] += from[i];
  else
    for (unsigned long i = 0; i < n; i++) to[i] -= from[i];
}

/* Two rows of c at a time, so that a row of b is loaded for both. */
static void leaf(double *restrict c, const double *restrict a, const double *restrict b, unsigned n, unsigned stride) {
  memset(c, 0, ((n - 1) * (unsigned long)stride + n) * sizeof *c);
  for (unsigned i = 0; i < n; i++) {
    double *restrict row = c + (unsigned long)i * stride;
    for (unsigned k = 0; k < n; k++) {
      const double factor = a[(unsigned long)i * stride + k];
      const double *restrict from = b + (unsigned long)k * stride;
      for (unsigned j = 0; j < n; j++) row[j] += factor * from[j];
    }
  }
}

void plain_multiply(double *restrict c, const double *restrict a, const double *restrict b, unsigned n, unsigned stride) {
  leaf(c, a, b, n, stride);
}

/* Of leaves alone: the compiler knows how long they are. */
static void leaf_product(double *restrict c, const double *restrict a, const double *restrict b) {
  for (unsigned i = 0; i < STRASSEN_LEAF; i += 2) {
    double sum[2][STRASSEN_LEAF] = {{0}};
    for (unsigned k = 0; k < STRASSEN_LEAF; k++) {
      const double first = a[i * STRASSEN_LEAF + k], second = a[(i + 1) * STRASSEN_LEAF + k];
      const double *restrict from = b + k * STRASSEN_LEAF;
      for (unsigned j = 0; j < STRASSEN_LEAF; j++) {
        sum[0][j] += first * from[j];
        sum[1][j] += second * from[j];
      }
    }
    memcpy(c + i * STRASSEN_LEAF, sum, sizeof sum);
  }
}

unsigned long strassen_scratch(unsigned n) {
  unsigned long half = n / 2;
  return n <= STRASSEN_LEAF ? 0 : 3 * half * half + strassen_scratch(n / 2);
}

/* to = the sum of the quadrants of an n x n matrix with those signs. */
static void combine(double *restrict to, const double *restrict from, const signed char signs[4], unsigned n) {
  unsigned half = n / 2;
  int first = 1;
  for (unsigned q = 0; q < 4; q++) {
    if (signs[q] == 0) continue;
    const double *corner = from + (unsigned long)(q / 2) * half * n + (q % 2) * half;
    for (unsigned i = 0; i < half; i++) {
      double *row = to + (unsigned long)i * half;
      const double *other = corner + (unsigned long)i * n;
      if (first && signs[q] > 0) memcpy(row, other, half * sizeof *row);
      else {
        if (first) memset(row, 0, half * sizeof *row);
        strassen_add(row, other, signs[q], half);
      }
    }
    first = 0;
  }
}

void strassen_multiply(double *restrict c, const double *restrict a, const double *restrict b, unsigned n,
                       double *restrict scratch) {
  if (n < STRASSEN_LEAF) {
    leaf(c, a, b, n, n);
    return;
  }
  if (n == STRASSEN_LEAF) {
    leaf_product(c, a, b);
    return;
  }
  unsigned half = n / 2;
  unsigned long quarter = (unsigned long)half * half;
  double *left = scratch, *right = left + quarter, *product = right + quarter;
  memset(c, 0, (unsigned long)n * n * sizeof *c);
  for (unsigned m = 0; m < 7; m++) {
    combine(left, a, strassen_left[m], n);
    combine(right, b, strassen_right[m], n);
    strassen_multiply(product, left, right, half, product + quarter);
    for (unsigned q = 0; q < 4; q++) {
      if (strassen_sum[q][m] == 0) continue;
      double *corner = c + (unsigned long)(q / 2) * half * n + (q % 2) * half;
      for (unsigned i = 0; i < half; i++)
        strassen_add(corner + (unsigned long)i * n, product + (unsigned long)i * half, strassen_sum[q][m], half);
    }
  }
}
