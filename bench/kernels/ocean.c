/* ocean.c: solves Poisson's equation on a square of n x n cells by multigrid, as ocean models do in each step of time: V-cycles with
 * red-black Gauss-Seidel sweeps, a given number of them.
 *
 * A coarse cell is four fine ones. The last sweep before a grid is left is of the black cells, so only red ones have a residual,
 * and a coarse cell's right side is the mean of it: half of what its two red ones have. Its correction is added to all four.
 *
 * A rank has a band of rows of each grid, twice as many of the finer one, so that only sweeps and residuals read what a
 * neighbour has: one row of one colour. Grids from COARSE rows down, or of too few rows to share, are the first rank's alone, for a
 * barrier costs more than their cells: it fetches the right side of the first of them, which each rank has made for its
 * rows, and the others fetch the corrections of their rows, both in pages of 64 KiB.
 *
 * mrsw: as for sor. The unit is one colour of a row of the finest grid (8 KiB at 2048 cells), up to 64 KiB. */
#include "kernel.h"
#include "redblack.h"

#include <string.h>

#define COARSE 256u
#define LEVELS_MAX 16u
#define BEFORE 1 /* sweeps of both colours on the way down, and up */
#define AFTER 1
#define LAST 20 /* and on the coarsest grid */
#define DAMPING 0.7 /* a correction that is the same for four cells is too large where it is not smooth: without, it diverges */

struct level {
  unsigned n;
  double **u, **f; /* rows, as redblack.h has them; f is the right side, times the square of a cell's width */
  int alone;       /* the first rank has all of it, but of the first such level the right sides */
};

struct grids {
  struct level level[LEVELS_MAX];
  unsigned levels;
};

static unsigned levels_of(unsigned n, unsigned least, unsigned sizes[LEVELS_MAX]) {
  unsigned levels = 0;
  for (sizes[levels++] = n; levels < LEVELS_MAX && n % 2 == 0 && n / 2 >= least; sizes[levels++] = n) n /= 2;
  return levels;
}

static size_t row_pitch(unsigned n) { return 2 * colour_length(n); }

static inline double relaxed(const double *f, unsigned k, double around) { return 0.25 * (around + f[k]); }

static void sweep_row(const struct level *l, unsigned i, unsigned colour) {
  struct stencil s = stencil_at(l->u, l->n, i, colour, 0);
  double *restrict point = s.point;
  const double *restrict f = l->f[i + 1] + colour * colour_length(l->n);
  if (s.begin == 1) point[0] = relaxed(f, 0, around_edge(&s, 0));
  for (unsigned k = s.begin; k < s.end; k++) point[k] = relaxed(f, k, around(&s, k));
  if (s.end < s.count) point[s.end] = relaxed(f, s.end, around_edge(&s, s.end));
}

static inline double residual(const struct stencil *s, const double *f, unsigned k, double around) {
  return f[k] + around - 4 * s->point[k];
}

/* Of red cell k of a row, which is in the k-th coarse cell. */
static inline double red_residual(const struct stencil *s, const double *f, unsigned k) {
  return residual(s, f, k, k >= s->begin && k < s->end ? around(s, k) : around_edge(s, k));
}

/* Coarse row i gets its right side. Widths are twice as large, so squares are four times: four times
 * the mean of four residuals, of which two are zeros. */
static void restrict_row(const struct level *fine, const struct level *coarse, unsigned i) {
  struct stencil s[2];
  const double *f[2];
  for (unsigned r = 0; r < 2; r++) {
    s[r] = stencil_at(fine->u, fine->n, 2 * i + r, 0, 0);
    f[r] = fine->f[2 * i + r + 1];
  }
  double *right = coarse->f[i + 1];
  size_t length = colour_length(coarse->n);
  for (unsigned colour = 0; colour < 2; colour++)
    for (unsigned k = 0, count = colour_count(coarse->n, i, colour); k < count; k++) {
      unsigned j = 2 * k + colour_start(i, colour);
      right[colour * length + k] = DAMPING * (red_residual(&s[0], f[0], j) + red_residual(&s[1], f[1], j));
    }
}

/* A correction begins with zeros. */
static void clear_row(const struct level *l, unsigned i) { memset(l->u[i + 1], 0, 2 * colour_length(l->n) * sizeof(double)); }

static void correct_row(const struct level *fine, const struct level *coarse, unsigned i) {
  size_t length = colour_length(coarse->n), fine_length = colour_length(fine->n);
  for (unsigned colour = 0; colour < 2; colour++)
    for (unsigned k = 0, count = colour_count(coarse->n, i, colour); k < count; k++) {
      const double more = coarse->u[i + 1][colour * length + k];
      unsigned j = 2 * k + colour_start(i, colour);
      for (unsigned r = 0; r < 2; r++) {
        double *row = fine->u[2 * i + r + 1];
        row[j] += more;
        row[fine_length + j] += more;
      }
    }
}

static void fill_row(const struct level *l, unsigned i) {
  for (unsigned j = 0; j < l->n; j++) {
    size_t at = ((i + j) & 1) * colour_length(l->n) + j / 2;
    l->u[i + 1][at] = 0;
    l->f[i + 1][at] = number_at((uint64_t)i * l->n + j) - 0.5;
  }
}

static void hand_over(const struct level *l, struct sink *out) {
  for (unsigned i = 0; i < l->n; i++)
    for (unsigned colour = 0; colour < 2; colour++)
      sink_doubles(out, l->u[i + 1] + colour * colour_length(l->n), colour_count(l->n, i, colour));
}

static double **rows_of(unsigned n) {
  double **rows = plain_memory((n + 2) * sizeof *rows);
  rows[0] = rows[n + 1] = plain_memory(row_pitch(n) * sizeof **rows);
  return rows;
}

static void sweeps(const struct level *l, int count) {
  for (int n = 0; n < 2 * count; n++)
    for (unsigned i = 0; i < l->n; i++) sweep_row(l, i, n % 2);
}

/* From that level down and back, by one process. */
static void cycle(const struct grids *g, unsigned level) {
  const struct level *l = &g->level[level];
  if (level + 1 == g->levels) return sweeps(l, LAST);
  sweeps(l, BEFORE);
  for (unsigned i = 0; i < l->n / 2; i++) restrict_row(l, l + 1, i), clear_row(l + 1, i);
  cycle(g, level + 1);
  for (unsigned i = 0; i < l->n / 2; i++) correct_row(l, l + 1, i);
  sweeps(l, AFTER);
}

static double **plain_rows(unsigned n) {
  double **rows = rows_of(n), *memory = plain_memory(n * row_pitch(n) * sizeof *memory);
  for (unsigned i = 0; i < n; i++) rows[i + 1] = memory + i * row_pitch(n);
  return rows;
}

static double plain(const unsigned size[], struct sink *out) {
  unsigned sizes[LEVELS_MAX];
  struct grids g = {.levels = levels_of(size[0], 4, sizes)};
  for (unsigned level = 0; level < g.levels; level++)
    g.level[level] = (struct level){.n = sizes[level], .u = plain_rows(sizes[level]), .f = plain_rows(sizes[level])};
  for (unsigned i = 0; i < size[0]; i++) fill_row(&g.level[0], i);
  double began = clock_seconds();
  for (unsigned n = 0; n < size[1]; n++) cycle(&g, 0);
  double seconds = clock_seconds() - began;
  hand_over(&g.level[0], out);
  return seconds;
}

/* Bands are cut where the coarsest grid that is shared is cut, or the next one, if there is one: no coarse row's two fine ones are
 * two ranks'. */
static unsigned first_row(const struct team *t, const struct grids *g, unsigned level, unsigned rank) {
  unsigned last = level;
  while (last + 1 < g->levels && !g->level[last].alone) last++;
  return rank == t->ranks ? g->level[level].n : team_first(t, rank, g->level[last].n) << (last - level);
}

/* @param of_first the first rank has all of them */
static double **shared_rows(struct team *t, const struct grids *g, unsigned level, const char *name, uint32_t unit, int of_first) {
  unsigned n = g->level[level].n, first[TEAM_MAX + 1] = {0};
  size_t pitch = row_pitch(n), sizes[TEAM_MAX];
  void *parts[TEAM_MAX];
  for (unsigned r = 1; r <= t->ranks; r++) first[r] = of_first ? n : first_row(t, g, level, r);
  for (unsigned r = 0; r < t->ranks; r++) sizes[r] = (first[r + 1] - first[r]) * pitch * sizeof(double);
  team_memory(t, name, unit, sizes, parts);
  double **rows = rows_of(n);
  for (unsigned r = 0; r < t->ranks; r++)
    for (unsigned i = first[r]; i < first[r + 1]; i++) {
      rows[i + 1] = (double *)parts[r] + (i - first[r]) * pitch;
      if (r == t->rank) memset(rows[i + 1], 0, pitch * sizeof(double)); /* memory is there when time begins to count */
    }
  return rows;
}

static void shared_sweeps(struct team *t, const struct grids *g, unsigned level, int count) {
  for (int n = 0; n < 2 * count; n++) {
    for (unsigned i = first_row(t, g, level, t->rank); i < first_row(t, g, level, t->rank + 1); i++) sweep_row(&g->level[level], i, n % 2);
    team_barrier(t);
  }
}

/* All ranks, of a level that is shared. Whoever leaves it has all ranks' results on it. */
static void shared_cycle(struct team *t, const struct grids *g, unsigned level) {
  const struct level *l = &g->level[level];
  unsigned first = first_row(t, g, level, t->rank), end = first_row(t, g, level, t->rank + 1);
  if (level + 1 == g->levels) return shared_sweeps(t, g, level, LAST);
  shared_sweeps(t, g, level, BEFORE);
  for (unsigned i = first / 2; i < end / 2; i++) restrict_row(l, l + 1, i);
  if (!l[1].alone) {
    for (unsigned i = first / 2; i < end / 2; i++) clear_row(l + 1, i);
    team_barrier(t);
    shared_cycle(t, g, level + 1);
  } else {
    team_barrier(t);
    if (t->rank == 0) {
      for (unsigned i = 0; i < l[1].n; i++) clear_row(l + 1, i);
      cycle(g, level + 1);
    }
    team_barrier(t);
  }
  for (unsigned i = first / 2; i < end / 2; i++) correct_row(l, l + 1, i);
  team_barrier(t);
  shared_sweeps(t, g, level, AFTER);
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  unsigned sizes[LEVELS_MAX];
  struct grids g = {.levels = levels_of(size[0], 4, sizes)};
  for (unsigned level = 0; level < g.levels; level++)
    g.level[level] = (struct level){.n = sizes[level], .alone = level > 0 && (sizes[level] <= COARSE || sizes[level] < t->ranks)};
  for (unsigned level = 0; level < g.levels; level++) {
    struct level *l = &g.level[level];
    char u[] = "ua", f[] = "fa";
    u[1] = f[1] = (char)('a' + level);
    if (level > 0 && l[-1].alone) { /* nobody else needs it */
      if (t->rank == 0) l->u = plain_rows(l->n), l->f = plain_rows(l->n);
      continue;
    }
    uint32_t unit = l->alone ? 65536 : team_unit(colour_length(size[0]) * sizeof(double));
    l->u = shared_rows(t, &g, level, u, unit, l->alone);
    l->f = shared_rows(t, &g, level, f, unit, 0);
  }
  for (unsigned i = first_row(t, &g, 0, t->rank); i < first_row(t, &g, 0, t->rank + 1); i++) fill_row(&g.level[0], i);
  team_begin(t);
  for (unsigned n = 0; n < size[1]; n++) shared_cycle(t, &g, 0);
  double seconds = team_end(t);
  if (t->rank == 0) hand_over(&g.level[0], out);
  return seconds;
}

const struct kernel kernel_ocean = {"ocean", "CELLS CYCLES", {3, 1}, {16384, 1000}, 0, plain, shared};
