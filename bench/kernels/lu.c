/* lu.c: the factors L and U of an n x n matrix, in place and without pivoting, by blocks, each of which lies in one piece.
 *
 * A rank has every so-manieth column of blocks, so that all have work to the end. Who has column k + 1 factors it at once
 * when it has been brought up to date, before the rest of its work: the others go on meanwhile, and there is one barrier a step.
 * A rank reads, of each column left of its own, the blocks of L, once, when they are done.
 *
 * mrsw: a block is written by its home alone, and read by others only when it is written no more: nothing is ever
 * invalidated. A block of 64 x 64 is a unit of 32 KiB. */
#include "kernel.h"

struct blocks {
  unsigned n, side, count; /* rows of the matrix, rows of a block, blocks in a row */
  double **column;         /* block (i, j) begins at column[j] + i * side * side */
};

static double *block_at(const struct blocks *m, unsigned i, unsigned j) { return m->column[j] + (size_t)i * m->side * m->side; }

static struct blocks layout(const unsigned size[]) {
  struct blocks m = {.n = size[0], .side = size[1], .count = (size[0] + size[1] - 1) / size[1]};
  m.column = plain_memory(m.count * sizeof *m.column);
  return m;
}

static size_t column_bytes(const struct blocks *m) { return (size_t)m->count * m->side * m->side * sizeof(double); }

/* Large on the diagonal, so that no pivots are needed. What is beyond the matrix is that of the identity. */
static void fill_column(const struct blocks *m, unsigned j) {
  for (unsigned i = 0; i < m->count; i++)
    for (unsigned r = 0; r < m->side; r++)
      for (unsigned c = 0; c < m->side; c++) {
        unsigned row = i * m->side + r, column = j * m->side + c;
        double value = row < m->n && column < m->n ? number_at((uint64_t)row * m->n + column) + (row == column ? m->n : 0) : row == column;
        block_at(m, i, j)[r * m->side + c] = value;
      }
}

static void factor_block(double *a, unsigned side) {
  for (unsigned k = 0; k < side; k++)
    for (unsigned i = k + 1; i < side; i++) {
      const double factor = a[i * side + k] /= a[k * side + k];
      for (unsigned j = k + 1; j < side; j++) a[i * side + j] -= factor * a[k * side + j];
    }
}

/* a becomes a U^-1. */
static void divide_right(double *restrict a, const double *restrict u, unsigned side) {
  for (unsigned i = 0; i < side; i++)
    for (unsigned k = 0; k < side; k++) {
      const double factor = a[i * side + k] /= u[k * side + k];
      for (unsigned j = k + 1; j < side; j++) a[i * side + j] -= factor * u[k * side + j];
    }
}

/* a becomes L^-1 a. */
static void divide_left(double *restrict a, const double *restrict l, unsigned side) {
  for (unsigned k = 0; k < side; k++)
    for (unsigned i = k + 1; i < side; i++) {
      const double factor = l[i * side + k];
      for (unsigned j = 0; j < side; j++) a[i * side + j] -= factor * a[k * side + j];
    }
}

static void subtract_product(double *restrict a, const double *restrict l, const double *restrict u, unsigned side) {
  for (unsigned i = 0; i < side; i++)
    for (unsigned k = 0; k < side; k++) {
      const double factor = l[i * side + k];
      for (unsigned j = 0; j < side; j++) a[i * side + j] -= factor * u[k * side + j];
    }
}

static void factor_column(const struct blocks *m, unsigned k) {
  factor_block(block_at(m, k, k), m->side);
  for (unsigned i = k + 1; i < m->count; i++) divide_right(block_at(m, i, k), block_at(m, k, k), m->side);
}

/* What column k does to column j. */
static void update_column(const struct blocks *m, unsigned k, unsigned j) {
  divide_left(block_at(m, k, j), block_at(m, k, k), m->side);
  for (unsigned i = k + 1; i < m->count; i++)
    subtract_product(block_at(m, i, j), block_at(m, i, k), block_at(m, k, j), m->side);
}

static void hand_over(const struct blocks *m, struct sink *out) {
  for (unsigned row = 0; row < m->n; row++)
    for (unsigned j = 0; j < m->count; j++) {
      unsigned left = m->n - j * m->side;
      sink_doubles(out, block_at(m, row / m->side, j) + row % m->side * m->side, left < m->side ? left : m->side);
    }
}

static double plain(const unsigned size[], struct sink *out) {
  struct blocks m = layout(size);
  double *memory = plain_memory(m.count * column_bytes(&m));
  for (unsigned j = 0; j < m.count; j++) {
    m.column[j] = memory + j * (column_bytes(&m) / sizeof *memory);
    fill_column(&m, j);
  }
  double began = clock_seconds();
  for (unsigned k = 0; k < m.count; k++) {
    factor_column(&m, k);
    for (unsigned j = k + 1; j < m.count; j++) update_column(&m, k, j);
  }
  double seconds = clock_seconds() - began;
  hand_over(&m, out);
  return seconds;
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  struct blocks m = layout(size);
  size_t sizes[TEAM_MAX] = {0};
  void *parts[TEAM_MAX];
  for (unsigned j = 0; j < m.count; j++) sizes[j % t->ranks] += column_bytes(&m);
  team_memory(t, "columns", team_unit((size_t)m.side * m.side * sizeof(double)), sizes, parts);
  for (unsigned j = 0; j < m.count; j++)
    m.column[j] = (double *)parts[j % t->ranks] + j / t->ranks * (column_bytes(&m) / sizeof(double));
  for (unsigned j = t->rank; j < m.count; j += t->ranks) fill_column(&m, j);
  team_begin(t);
  if (t->rank == 0) factor_column(&m, 0);
  for (unsigned k = 0; k + 1 < m.count; k++) {
    team_barrier(t); /* column k is done */
    unsigned next = k + 1;
    if (next % t->ranks == t->rank) {
      update_column(&m, k, next);
      factor_column(&m, next);
    }
    for (unsigned j = next + 1; j < m.count; j++)
      if (j % t->ranks == t->rank) update_column(&m, k, j);
  }
  double seconds = team_end(t);
  if (t->rank == 0) hand_over(&m, out);
  return seconds;
}

const struct kernel kernel_lu = {"lu", "ROWS BLOCK", {1, 1}, {16384, 512}, 0, plain, shared};
