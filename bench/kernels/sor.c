/* sor.c: successive over-relaxation of Laplace's equation on an n x n grid of inner points, by red and black in turn.
 *
 * A rank has a band of rows. Between two sweeps it needs, of its neighbours, the row next to its own, of the colour that has just
 * been written.
 *
 * mrsw: each page has one writer, its home, and between two barriers nobody reads what is written. So a row at a band's edge
 * costs one fault of the neighbour and one upgrade of the writer in an iteration; a twin and a diff, as lrc has, would be of
 * the whole page each time. The unit is one colour of a row (16 KiB at 4096 points), up to 64 KiB. */
#include "kernel.h"
#include "redblack.h"

#define EDGE 1.0
#define FACTOR 1.5

static void fill_row(double *row, unsigned n, unsigned i) {
  for (unsigned j = 0; j < n; j++) row[((i + j) & 1) * colour_length(n) + j / 2] = number_at((uint64_t)i * n + j);
}

static double *edge_row(unsigned n) {
  size_t length = 2 * colour_length(n);
  double *row = plain_memory(length * sizeof *row);
  for (size_t k = 0; k < length; k++) row[k] = EDGE;
  return row;
}

static void relax_row(double *const rows[], unsigned n, unsigned i, unsigned colour) {
  struct stencil s = stencil_at(rows, n, i, colour, EDGE);
  double *restrict point = s.point;
  if (s.begin == 1) point[0] += FACTOR * (0.25 * around_edge(&s, 0) - point[0]);
  for (unsigned k = s.begin; k < s.end; k++) point[k] += FACTOR * (0.25 * around(&s, k) - point[k]);
  if (s.end < s.count) point[s.end] += FACTOR * (0.25 * around_edge(&s, s.end) - point[s.end]);
}

static void hand_over(double *const rows[], unsigned n, struct sink *out) {
  for (unsigned i = 0; i < n; i++)
    for (unsigned colour = 0; colour < 2; colour++)
      sink_doubles(out, rows[i + 1] + colour * colour_length(n), colour_count(n, i, colour));
}

static double plain(const unsigned size[], struct sink *out) {
  unsigned n = size[0], iterations = size[1];
  size_t pitch = 2 * colour_length(n);
  double **rows = plain_memory((n + 2) * sizeof *rows), *memory = plain_memory(n * pitch * sizeof *memory);
  rows[0] = rows[n + 1] = edge_row(n);
  for (unsigned i = 0; i < n; i++) fill_row(rows[i + 1] = memory + i * pitch, n, i);
  double began = clock_seconds();
  for (unsigned iteration = 0; iteration < iterations; iteration++)
    for (unsigned colour = 0; colour < 2; colour++)
      for (unsigned i = 0; i < n; i++) relax_row(rows, n, i, colour);
  double seconds = clock_seconds() - began;
  hand_over(rows, n, out);
  return seconds;
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  unsigned n = size[0], iterations = size[1];
  size_t pitch = 2 * colour_length(n), sizes[TEAM_MAX];
  void *parts[TEAM_MAX];
  for (unsigned r = 0; r < t->ranks; r++)
    sizes[r] = (team_first(t, r + 1, n) - team_first(t, r, n)) * pitch * sizeof(double);
  team_memory(t, "grid", team_unit(colour_length(n) * sizeof(double)), sizes, parts);
  double **rows = plain_memory((n + 2) * sizeof *rows);
  rows[0] = rows[n + 1] = edge_row(n);
  for (unsigned r = 0; r < t->ranks; r++)
    for (unsigned i = team_first(t, r, n); i < team_first(t, r + 1, n); i++)
      rows[i + 1] = (double *)parts[r] + (i - team_first(t, r, n)) * pitch;
  unsigned first = team_first(t, t->rank, n), end = team_first(t, t->rank + 1, n);
  for (unsigned i = first; i < end; i++) fill_row(rows[i + 1], n, i);
  team_begin(t);
  for (unsigned iteration = 0; iteration < iterations; iteration++)
    for (unsigned colour = 0; colour < 2; colour++) {
      for (unsigned i = first; i < end; i++) relax_row(rows, n, i, colour);
      team_barrier(t);
    }
  double seconds = team_end(t);
  if (t->rank == 0) hand_over(rows, n, out);
  return seconds;
}

const struct kernel kernel_sor = {"sor", "POINTS ITERATIONS", {3, 1}, {16384, 10000}, 0, plain, shared};
