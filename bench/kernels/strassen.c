/* strassen.c: the product of two n x n matrices by Strassen's algorithm (examples/strassen/multiply.c has the arithmetic).
 *
 * The two outermost divisions make 49 products of sixteenths of a matrix. Ranks make these in turn, each a product of its own in its
 * own memory; when all have done so, each adds up its part of the 16 blocks of the result. The factors lie in such blocks,
 * too, each rank's filled by itself; all ranks need nearly all of them, and of the products. Numbers are small and whole:
 * sums are exact in any order.
 *
 * mrsw: what is shared is only read once it is written. Units of 64 KiB are the fewest faults for it. */
#include "kernel.h"

#include <string.h>

#include "../../examples/strassen/strassen.h"

#define PARTS 4u
#define BLOCKS (PARTS * PARTS)
#define PRODUCTS 49u

/* Rows of a block: a quarter of the matrix, and enough more for it to be halved until it is a leaf. */
static unsigned block_rows(unsigned n) {
  unsigned rows = (n + PARTS - 1) / PARTS, halvings = 0;
  while ((rows + (1u << halvings) - 1) >> halvings > STRASSEN_LEAF) halvings++;
  return ((rows + (1u << halvings) - 1) >> halvings) << halvings;
}

/* 0 beyond the matrix. */
static double value_at(unsigned n, unsigned row, unsigned column, uint64_t seed) {
  return row < n && column < n ? (double)(int)(4 * number_at(seed + (uint64_t)row * n + column)) : 0;
}

static void fill_block(double *block, unsigned rows, unsigned n, unsigned index, uint64_t seed) {
  for (unsigned i = 0; i < rows; i++)
    for (unsigned j = 0; j < rows; j++)
      block[(size_t)i * rows + j] = value_at(n, index / PARTS * rows + i, index % PARTS * rows + j, seed);
}

static double plain(const unsigned size[], struct sink *out) {
  unsigned n = size[0], rows = PARTS * block_rows(n);
  size_t bytes = (size_t)rows * rows * sizeof(double);
  double *a = plain_memory(bytes), *b = plain_memory(bytes), *c = plain_memory(bytes);
  double *scratch = plain_memory(strassen_scratch(rows) * sizeof *scratch);
  for (unsigned i = 0; i < rows; i++)
    for (unsigned j = 0; j < rows; j++) {
      a[(size_t)i * rows + j] = value_at(n, i, j, 1);
      b[(size_t)i * rows + j] = value_at(n, i, j, 2);
    }
  double began = clock_seconds();
  strassen_multiply(c, a, b, rows, scratch);
  double seconds = clock_seconds() - began;
  for (unsigned i = 0; i < n; i++) sink_doubles(out, c + (size_t)i * rows, n);
  return seconds;
}

/* What block (i, j) has of a factor's sum in product m: the sign of its place in each of the two divisions. */
static int sign_of(const signed char signs[7][4], unsigned m, unsigned i, unsigned j) {
  return signs[m / 7][i / 2 * 2 + j / 2] * signs[m % 7][i % 2 * 2 + j % 2];
}

static void add_factors(double *sum, double *const blocks[], const signed char signs[7][4], unsigned m, size_t length) {
  memset(sum, 0, length * sizeof *sum);
  for (unsigned q = 0; q < BLOCKS; q++) {
    int sign = sign_of(signs, m, q / PARTS, q % PARTS);
    if (sign != 0) strassen_add(sum, blocks[q], sign, length);
  }
}

static int sign_in_result(unsigned m, unsigned i, unsigned j) {
  return strassen_sum[i / 2 * 2 + j / 2][m / 7] * strassen_sum[i % 2 * 2 + j % 2][m % 7];
}

/* `count` pieces of so many bytes, in turn. */
static void share_out(struct team *t, const char *name, unsigned count, size_t bytes, double *pieces[]) {
  size_t sizes[TEAM_MAX] = {0};
  void *parts[TEAM_MAX];
  bytes = (bytes + 65535) / 65536 * 65536;
  for (unsigned k = 0; k < count; k++) sizes[k % t->ranks] += bytes;
  team_memory(t, name, 65536, sizes, parts);
  for (unsigned k = 0; k < count; k++) pieces[k] = (double *)((char *)parts[k % t->ranks] + k / t->ranks * bytes);
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  unsigned n = size[0], rows = block_rows(n);
  size_t length = (size_t)rows * rows, bytes = length * sizeof(double);
  double *a[BLOCKS], *b[BLOCKS], *c[BLOCKS], *product[PRODUCTS];
  share_out(t, "left", BLOCKS, bytes, a);
  share_out(t, "right", BLOCKS, bytes, b);
  share_out(t, "result", BLOCKS, bytes, c);
  share_out(t, "products", PRODUCTS, bytes, product);
  double *left = plain_memory(bytes), *right = plain_memory(bytes), *scratch = plain_memory(strassen_scratch(rows) * sizeof *scratch);
  for (unsigned q = t->rank; q < BLOCKS; q += t->ranks) {
    fill_block(a[q], rows, n, q, 1);
    fill_block(b[q], rows, n, q, 2);
    memset(c[q], 0, bytes);
  }
  for (unsigned m = t->rank; m < PRODUCTS; m += t->ranks) memset(product[m], 0, bytes); /* memory is there when time begins to count */
  team_begin(t);
  for (unsigned m = t->rank; m < PRODUCTS; m += t->ranks) {
    add_factors(left, a, strassen_left, m, length);
    add_factors(right, b, strassen_right, m, length);
    strassen_multiply(product[m], left, right, rows, scratch);
  }
  team_barrier(t);
  for (unsigned q = t->rank; q < BLOCKS; q += t->ranks)
    for (unsigned m = 0; m < PRODUCTS; m++) {
      int sign = sign_in_result(m, q / PARTS, q % PARTS);
      if (sign != 0) strassen_add(c[q], product[m], sign, length);
    }
  double seconds = team_end(t);
  if (t->rank > 0) return seconds;
  for (unsigned i = 0; i < n; i++)
    for (unsigned part = 0; part * rows < n; part++) {
      unsigned left_over = n - part * rows;
      sink_doubles(out, c[i / rows * PARTS + part] + (size_t)(i % rows) * rows, left_over < rows ? left_over : rows);
    }
  return seconds;
}

const struct kernel kernel_strassen = {"strassen", "ROWS", {4}, {8192}, 0, plain, shared};
