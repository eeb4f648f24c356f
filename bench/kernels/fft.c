/* fft.c: the discrete Fourier transform of 2^m complex numbers in six steps: seen as a matrix of 2^(m/2) rows, it is transposed,
 * its rows are transformed, each number is turned by its twiddle factor, and it is transposed, transformed by rows and transposed
 * again.
 *
 * A rank has a band of rows of both matrices, and a transposition is where all read from all. A band lies in panels,
 * one for the columns that each rank will read when it transposes: what a rank reads lies in one piece in its units.
 * Rows are transformed in a row of the rank's own.
 *
 * mrsw: a page has one writer, its home. Units of 64 KiB, or a panel when that is less. */
#include "kernel.h"

#include <math.h>
#include <string.h>

#define TILE 16u /* rows and columns that are transposed at a time */

struct number {
  double re, im;
};

/* Of rows x columns; the rows of rank r, of the columns that rank p reads, lie row by row at panel[r][p]. */
struct matrix {
  unsigned rows, columns;
  struct number *panel[TEAM_MAX][TEAM_MAX];
};

/* exp(-2 pi i k / n) for k < n / 2. */
static struct number *roots_of(unsigned n) {
  struct number *roots = plain_memory((n / 2 + 1) * sizeof *roots);
  for (unsigned k = 0; k < n / 2; k++) {
    double angle = -2 * M_PI * k / n;
    roots[k] = (struct number){cos(angle), sin(angle)};
  }
  return roots;
}

static inline struct number product(struct number a, struct number b) {
  return (struct number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* In place; n is a power of two. */
static void transform(struct number *restrict x, unsigned n, const struct number *restrict roots) {
  for (unsigned i = 1, j = 0; i < n; i++) {
    unsigned bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      struct number held = x[i];
      x[i] = x[j], x[j] = held;
    }
  }
  for (unsigned half = 1; half < n; half *= 2)
    for (unsigned first = 0; first < n; first += 2 * half)
      for (unsigned k = 0; k < half; k++) {
        struct number odd = product(roots[k * (n / (2 * half))], x[first + half + k]), even = x[first + k];
        x[first + k] = (struct number){even.re + odd.re, even.im + odd.im};
        x[first + half + k] = (struct number){even.re - odd.re, even.im - odd.im};
      }
}

/* Number j of row i is turned by exp(-2 pi i i j / all): with factors that are made from the row's own first one, anew every 64
 * numbers, so that errors do not add up. */
static void twiddle(struct number *row, unsigned i, unsigned n, uint64_t all) {
  double angle = -2 * M_PI * i / (double)all;
  const struct number step = {cos(angle), sin(angle)};
  struct number factor = {1, 0};
  for (unsigned j = 0; j < n; j++) {
    if (j % 64 == 0) factor = (struct number){cos(angle * j), sin(angle * j)};
    row[j] = product(row[j], factor);
    factor = product(factor, step);
  }
}

/* to[c][r] = from[r][c]; rows are so many numbers apart. */
static void transpose(struct number *restrict to, size_t to_pitch, const struct number *restrict from, size_t from_pitch, unsigned rows,
                      unsigned columns) {
  for (unsigned r0 = 0; r0 < rows; r0 += TILE)
    for (unsigned c0 = 0; c0 < columns; c0 += TILE)
      for (unsigned c = c0; c < columns && c < c0 + TILE; c++)
        for (unsigned r = r0; r < rows && r < r0 + TILE; r++) to[c * to_pitch + r] = from[r * from_pitch + c];
}

static struct number input_at(uint64_t index) { return (struct number){number_at(2 * index) - 0.5, number_at(2 * index + 1) - 0.5}; }

static void split(unsigned m, unsigned *rows, unsigned *columns) {
  *rows = 1u << m / 2;
  *columns = 1u << (m - m / 2);
}

static double plain(const unsigned size[], struct sink *out) {
  unsigned rows, columns;
  split(size[0], &rows, &columns);
  size_t all = (size_t)rows * columns;
  struct number *x = plain_memory(all * sizeof *x), *y = plain_memory(all * sizeof *y);
  const struct number *row_roots = roots_of(columns), *column_roots = roots_of(rows);
  for (size_t at = 0; at < all; at++) x[at] = input_at(at);
  double began = clock_seconds();
  transpose(y, rows, x, columns, rows, columns);
  for (unsigned i = 0; i < columns; i++) {
    transform(y + (size_t)i * rows, rows, column_roots);
    twiddle(y + (size_t)i * rows, i, rows, all);
  }
  transpose(x, columns, y, rows, columns, rows);
  for (unsigned i = 0; i < rows; i++) transform(x + (size_t)i * columns, columns, row_roots);
  transpose(y, rows, x, columns, rows, columns);
  double seconds = clock_seconds() - began;
  sink_doubles(out, &y[0].re, 2 * all);
  return seconds;
}

static unsigned band(const struct team *t, unsigned rank, unsigned rows) {
  return team_first(t, rank + 1, rows) - team_first(t, rank, rows);
}

static void make_matrix(struct team *t, struct matrix *m, const char *name, unsigned rows, unsigned columns) {
  size_t sizes[TEAM_MAX], panel_bytes = (size_t)(rows / t->ranks) * (columns / t->ranks) * sizeof(struct number);
  uint32_t unit = team_unit(panel_bytes);
  void *parts[TEAM_MAX];
  *m = (struct matrix){.rows = rows, .columns = columns};
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1) team_memory(t, name, unit, sizes, parts);
    for (unsigned r = 0; r < t->ranks; r++) {
      size_t at = 0;
      for (unsigned p = 0; p < t->ranks; p++) {
        if (pass == 1) m->panel[r][p] = (struct number *)((char *)parts[r] + at);
        at += ((size_t)band(t, r, rows) * band(t, p, columns) * sizeof(struct number) + unit - 1) / unit * unit;
      }
      sizes[r] = at;
    }
  }
}

/* Row i of this rank's band, from its panels into one piece, or back. */
static void move_row(const struct team *t, const struct matrix *m, unsigned i, struct number *row, int back) {
  for (unsigned p = 0; p < t->ranks; p++) {
    unsigned columns = band(t, p, m->columns);
    struct number *piece = m->panel[t->rank][p] + (size_t)i * columns;
    memcpy(back ? piece : row, back ? row : piece, columns * sizeof *row);
    row += columns;
  }
}

/* This rank's band of `to`, which is all that the others have for it. */
static void transpose_band(struct team *t, const struct matrix *to, const struct matrix *from) {
  unsigned columns = band(t, t->rank, from->columns);
  for (unsigned step = 0; step < t->ranks; step++) {
    unsigned r = (t->rank + step) % t->ranks, rows = band(t, r, from->rows);
    transpose(to->panel[t->rank][r], rows, from->panel[r][t->rank], columns, rows, columns);
  }
}

static void transform_band(struct team *t, const struct matrix *m, struct number *row, const struct number *roots, int turns) {
  unsigned first = team_first(t, t->rank, m->rows);
  for (unsigned i = 0; i < band(t, t->rank, m->rows); i++) {
    move_row(t, m, i, row, 0);
    transform(row, m->columns, roots);
    if (turns) twiddle(row, first + i, m->columns, (uint64_t)m->rows * m->columns);
    move_row(t, m, i, row, 1);
  }
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  unsigned rows, columns;
  split(size[0], &rows, &columns);
  static struct matrix x, y;
  make_matrix(t, &x, "x", rows, columns);
  make_matrix(t, &y, "y", columns, rows);
  const struct number *row_roots = roots_of(columns), *column_roots = roots_of(rows);
  struct number *row = plain_memory(columns * sizeof *row); /* there are as many columns as rows, or twice as many */
  for (unsigned i = 0; i < band(t, t->rank, rows); i++) {
    uint64_t first = (uint64_t)(team_first(t, t->rank, rows) + i) * columns;
    for (unsigned j = 0; j < columns; j++) row[j] = input_at(first + j);
    move_row(t, &x, i, row, 1);
  }
  memset(row, 0, columns * sizeof *row);
  for (unsigned i = 0; i < band(t, t->rank, columns); i++) move_row(t, &y, i, row, 1);
  team_begin(t);
  transpose_band(t, &y, &x);
  transform_band(t, &y, row, column_roots, 1);
  team_barrier(t);
  transpose_band(t, &x, &y);
  transform_band(t, &x, row, row_roots, 0);
  team_barrier(t);
  transpose_band(t, &y, &x);
  double seconds = team_end(t);
  if (t->rank > 0) return seconds;
  for (unsigned i = 0; i < columns; i++) {
    unsigned r = team_owner(t, i, columns), at = i - team_first(t, r, columns);
    for (unsigned p = 0; p < t->ranks; p++)
      sink_doubles(out, &y.panel[r][p][(size_t)at * band(t, p, rows)].re, 2 * band(t, p, rows));
  }
  return seconds;
}

const struct kernel kernel_fft = {"fft", "LOG2", {2}, {26}, 0, plain, shared};
