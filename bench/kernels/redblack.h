/* redblack.h: an n x n grid of inner points, coloured as a chess board, whose colours lie apart: each row is its red points, and
 * behind them its black ones. A sweep of one colour writes that colour's memory alone and reads the other's, so nobody
 * writes to a page while a neighbour reads it. Point j of row i has colour (i + j) % 2 and is number j / 2 of it. */
#ifndef GSHM_BENCH_REDBLACK_H
#define GSHM_BENCH_REDBLACK_H

#include <stddef.h>

#define PAGE_DOUBLES (4096 / sizeof(double))

/* Doubles that one colour of a row has room for: whole pages, if it is as long as one. */
static inline size_t colour_length(unsigned n) {
  size_t half = (n + 1) / 2;
  return half < PAGE_DOUBLES ? half : (half + PAGE_DOUBLES - 1) / PAGE_DOUBLES * PAGE_DOUBLES;
}

/* Where the first point of that colour is in the row: 0 or 1; and how many of them there are. */
static inline unsigned colour_start(unsigned i, unsigned colour) { return (i + colour) & 1; }
static inline unsigned colour_count(unsigned n, unsigned i, unsigned colour) { return (n + 1 - colour_start(i, colour)) / 2; }

/* What one sweep needs of a row: the points of its colour, and those of the other colour above, below and beside them. */
struct stencil {
  double *point;
  const double *up, *down, *side;
  unsigned count, start; /* of `point` */
  unsigned begin, end;   /* of these, those that have both their neighbours beside them in `side` */
  double edge;           /* what is beside the others, at the ends of the row */
};

/* @param rows row i is rows[i + 1]; rows[0] and rows[n + 1] are the edges */
static inline struct stencil stencil_at(double *const rows[], unsigned n, unsigned i, unsigned colour, double edge) {
  size_t length = colour_length(n), here = colour * length, there = length - here;
  unsigned start = colour_start(i, colour), others = colour_count(n, i, 1 - colour);
  struct stencil s = {
      .point = rows[i + 1] + here,
      .up = rows[i] + there,
      .down = rows[i + 2] + there,
      .side = rows[i + 1] + there,
      .count = colour_count(n, i, colour),
      .start = start,
      .begin = 1 - start,
      .end = others - start,
      .edge = edge,
  };
  return s;
}

/* The sum of the four neighbours, of a point between begin and end, and of any. */
static inline double around(const struct stencil *s, unsigned k) {
  return s->up[k] + s->down[k] + s->side[k + s->start - 1] + s->side[k + s->start];
}
static inline double around_edge(const struct stencil *s, unsigned k) {
  double left = k < s->begin ? s->edge : s->side[k + s->start - 1];
  double right = k >= s->end ? s->edge : s->side[k + s->start];
  return s->up[k] + s->down[k] + left + right;
}

#endif
