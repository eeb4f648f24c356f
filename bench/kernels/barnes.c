/* barnes.c: the gravity of n bodies by Barnes's and Hut's algorithm: in each step a tree of cells is built, each a cube that is
 * divided in eight until it has one body, and each body is attracted by what is far as if it were one point.
 *
 * Space is cut into 4096 cubes, the cells of depth 4. A rank has a range of these along a curve through them, such that all
 * have about as much to do as they had in the step before. It deals its bodies by the rank that is to have them, and when all
 * have done so it fetches its own and builds the trees of its cubes in its own memory; the few cells above them each rank makes for
 * itself. So all that is written is at home, and what is read of others' trees is what is near one's own bodies, most of
 * it many times. Cells and their sums come out as if one process had put in one body after the other: results are the same.
 *
 * mrsw: pages have one writer, and are read between barriers; a tree is new in each step, so a diff of it is all of it. Units of
 * 64 KiB: bodies and cells lie in the order of the tree. */
#include "kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AXES 3u
#define DEPTH 4u /* of the cubes that ranks have */
#define CUBES 4096u
#define OPEN 0.7 /* a cell is a point to what is further away than its side divided by this */
#define SOFTENING 0.0025 /* squared */
#define STEP 0.01

struct body {
  double place[AXES], speed[AXES], mass;
  uint32_t id, cost; /* cost: what attracted it in the last step */
};

/* A body, a cell, or none; a body's has its lowest bit set. */
typedef uintptr_t node;

struct cell {
  double mass, place[AXES];
  node child[8];
};

struct cube {
  double centre[AXES], half;
};

struct pool {
  struct cell *cells;
  size_t used, most;
};

static node of_body(const struct body *b) { return (node)b | 1; }
static node of_cell(const struct cell *c) { return (node)c; }
static int is_body(node n) { return (int)(n & 1); }
static struct body *body_of(node n) { return (struct body *)(n - 1); }
static struct cell *cell_of(node n) { return (struct cell *)n; }

static struct cell *new_cell(struct pool *p) {
  if (p->used == p->most) fprintf(stderr, "kernels: barnes: more than %zu cells\n", p->most), exit(1);
  return memset(&p->cells[p->used++], 0, sizeof(struct cell));
}

/* A Plummer sphere, cut at ten times its radius. */
static struct body body_at(unsigned n, unsigned i) {
  struct body b = {.mass = 1.0 / n, .id = i, .cost = 1};
  uint64_t seed = 16 * (uint64_t)i;
  double radius = 1 / sqrt(pow(0.98 * number_at(seed) + 1e-6, -2.0 / 3) - 1), up = 2 * number_at(seed + 1) - 1;
  double around = 2 * M_PI * number_at(seed + 2), flat = sqrt(1 - up * up);
  double direction[AXES] = {flat * cos(around), flat * sin(around), up};
  for (unsigned d = 0; d < AXES; d++) {
    b.place[d] = radius * direction[d];
    b.speed[d] = 0.2 * (number_at(seed + 3 + d) - 0.5);
  }
  return b;
}

struct bounds {
  double low[AXES], high[AXES];
};

static struct bounds bounds_of(const struct body *bodies, size_t n) {
  struct bounds b;
  for (unsigned d = 0; d < AXES; d++) b.low[d] = INFINITY, b.high[d] = -INFINITY;
  for (size_t i = 0; i < n; i++)
    for (unsigned d = 0; d < AXES; d++) {
      b.low[d] = fmin(b.low[d], bodies[i].place[d]);
      b.high[d] = fmax(b.high[d], bodies[i].place[d]);
    }
  return b;
}

static struct cube root_of(const struct bounds *b) {
  struct cube root = {.half = 0};
  for (unsigned d = 0; d < AXES; d++) {
    root.centre[d] = (b->low[d] + b->high[d]) / 2;
    root.half = fmax(root.half, (b->high[d] - b->low[d]) / 2);
  }
  root.half = root.half * 1.0001 + 1e-9;
  return root;
}

/* The eighth in which that place is; `cube` becomes it. */
static unsigned enter(struct cube *cube, const double place[AXES]) {
  unsigned eighth = 0;
  cube->half /= 2;
  for (unsigned d = 0; d < AXES; d++) {
    unsigned above = place[d] >= cube->centre[d];
    eighth = eighth << 1 | above;
    cube->centre[d] += above ? cube->half : -cube->half;
  }
  return eighth;
}

static void insert(struct pool *p, struct cell *cell, struct cube cube, struct body *b) {
  for (unsigned depth = 0; depth < 200; depth++) {
    unsigned eighth = enter(&cube, b->place);
    node there = cell->child[eighth];
    if (there == 0) {
      cell->child[eighth] = of_body(b);
      return;
    }
    if (is_body(there)) {
      struct cell *between = new_cell(p);
      struct cube below = cube;
      between->child[enter(&below, body_of(there)->place)] = there;
      cell->child[eighth] = there = of_cell(between);
    }
    cell = cell_of(there);
  }
  fprintf(stderr, "kernels: barnes: two bodies are in one place\n");
  exit(1);
}

/* A cell's mass and centre, once its children have theirs. */
static void sum_up(struct cell *cell) {
  double mass = 0, moment[AXES] = {0};
  for (unsigned e = 0; e < 8; e++) {
    node n = cell->child[e];
    if (n == 0) continue;
    double more = is_body(n) ? body_of(n)->mass : cell_of(n)->mass;
    const double *place = is_body(n) ? body_of(n)->place : cell_of(n)->place;
    mass += more;
    for (unsigned d = 0; d < AXES; d++) moment[d] += more * place[d];
  }
  cell->mass = mass;
  for (unsigned d = 0; d < AXES; d++) cell->place[d] = moment[d] / mass;
}

/* Of a whole tree; its bodies are listed as they come. @return behind the last of the list */
static struct body **finish(node n, struct body **list) {
  if (n == 0) return list;
  if (is_body(n)) {
    *list = body_of(n);
    return list + 1;
  }
  for (unsigned e = 0; e < 8; e++) list = finish(cell_of(n)->child[e], list);
  sum_up(cell_of(n));
  return list;
}

struct walk {
  const struct body *body;
  double pull[AXES];
  uint32_t count;
};

static void attract(struct walk *w, node n, double side) {
  if (is_body(n) && body_of(n)->id == w->body->id) return;
  double mass = is_body(n) ? body_of(n)->mass : cell_of(n)->mass, between[AXES], square = 0;
  const double *place = is_body(n) ? body_of(n)->place : cell_of(n)->place;
  for (unsigned d = 0; d < AXES; d++) {
    between[d] = place[d] - w->body->place[d];
    square += between[d] * between[d];
  }
  if (!is_body(n) && side * side >= OPEN * OPEN * square) {
    for (unsigned e = 0; e < 8; e++)
      if (cell_of(n)->child[e] != 0) attract(w, cell_of(n)->child[e], side / 2);
    return;
  }
  square += SOFTENING;
  double strength = mass / (square * sqrt(square));
  for (unsigned d = 0; d < AXES; d++) w->pull[d] += strength * between[d];
  w->count++;
}

/* What the tree does to each body of the list; their own memory is not written yet: others may read it. */
static void attract_all(node tree, double side, struct body *const *list, size_t n, struct walk *walks) {
  for (size_t i = 0; i < n; i++) {
    walks[i] = (struct walk){.body = list[i]};
    attract(&walks[i], tree, side);
  }
}

static void move(struct body *b, const struct walk *w) {
  for (unsigned d = 0; d < AXES; d++) {
    b->speed[d] += STEP * w->pull[d];
    b->place[d] += STEP * b->speed[d];
  }
  b->cost = w->count;
}

static void hand_over(struct body *const *by_id, unsigned n, struct sink *out) {
  for (unsigned i = 0; i < n; i++) sink_doubles(out, by_id[i]->place, 2 * AXES);
}

static double plain(const unsigned size[], struct sink *out) {
  unsigned n = size[0];
  struct body *bodies = plain_memory(n * sizeof *bodies), *other = plain_memory(n * sizeof *other);
  struct body **list = plain_memory(n * sizeof *list);
  struct walk *walks = plain_memory(n * sizeof *walks);
  struct pool pool = {.most = 4 * (size_t)n + 1024};
  pool.cells = plain_memory(pool.most * sizeof *pool.cells);
  for (unsigned i = 0; i < n; i++) bodies[i] = body_at(n, i);
  double began = clock_seconds();
  for (unsigned step = 0; step < size[1]; step++) {
    struct bounds bounds = bounds_of(bodies, n);
    struct cube cube = root_of(&bounds);
    pool.used = 0;
    struct cell *root = new_cell(&pool);
    for (unsigned i = 0; i < n; i++) insert(&pool, root, cube, &bodies[i]);
    finish(of_cell(root), list);
    attract_all(of_cell(root), 2 * cube.half, list, n, walks);
    for (unsigned i = 0; i < n; i++) move(list[i], &walks[i]);
    for (unsigned i = 0; i < n; i++) other[i] = *list[i]; /* in the order of the tree, for the next one */
    struct body *held = bodies;
    bodies = other, other = held;
  }
  double seconds = clock_seconds() - began;
  for (unsigned i = 0; i < n; i++) list[bodies[i].id] = &bodies[i];
  hand_over(list, n, out);
  return seconds;
}

/* What a rank tells of its bodies: how many are in each cube, and what they cost. */
struct tally {
  uint32_t count[CUBES], cost[CUBES];
};

struct world {
  struct team *t;
  unsigned n;
  void *bodies[TEAM_MAX], *dealt[TEAM_MAX], *cells[TEAM_MAX], *tallies[TEAM_MAX], *bounds[TEAM_MAX];
  size_t mine; /* bodies of this rank */
  uint32_t count[CUBES]; /* of all ranks */
  unsigned cut[TEAM_MAX + 1];            /* rank r has the cubes from cut[r] on */
  size_t start[TEAM_MAX][TEAM_MAX + 1];  /* rank s has dealt what is for rank r from start[s][r] on */
  struct cube root;
  struct body **list;
  uint16_t *cube; /* of each body of this rank */
};

/* Along the curve; `cube` becomes it. */
static unsigned cube_of(struct cube *cube, const double place[AXES]) {
  unsigned index = 0;
  for (unsigned depth = 0; depth < DEPTH; depth++) index = index << 3 | enter(cube, place);
  return index;
}

static void measure(struct world *w) {
  struct team *t = w->t;
  *(struct bounds *)w->bounds[t->rank] = bounds_of(w->bodies[t->rank], w->mine);
  team_barrier(t);
  struct bounds all = bounds_of(NULL, 0);
  for (unsigned r = 0; r < t->ranks; r++)
    for (unsigned d = 0; d < AXES; d++) {
      all.low[d] = fmin(all.low[d], ((struct bounds *)w->bounds[r])->low[d]);
      all.high[d] = fmax(all.high[d], ((struct bounds *)w->bounds[r])->high[d]);
    }
  w->root = root_of(&all);
}

static void tell_cubes(struct world *w) {
  struct tally *tally = w->tallies[w->t->rank];
  const struct body *bodies = w->bodies[w->t->rank];
  memset(tally, 0, sizeof *tally);
  for (size_t i = 0; i < w->mine; i++) {
    struct cube root = w->root;
    w->cube[i] = (uint16_t)cube_of(&root, bodies[i].place);
    tally->count[w->cube[i]]++;
    tally->cost[w->cube[i]] += bodies[i].cost;
  }
  team_barrier(w->t);
}

static void plan(struct world *w) {
  unsigned ranks = w->t->ranks, rank = 1;
  uint64_t cost[CUBES] = {0}, all = 0, before = 0;
  memset(w->count, 0, sizeof w->count);
  for (unsigned r = 0; r < ranks; r++)
    for (unsigned c = 0; c < CUBES; c++) {
      const struct tally *tally = w->tallies[r];
      w->count[c] += tally->count[c];
      cost[c] += tally->cost[c];
      all += tally->cost[c];
    }
  w->cut[0] = 0;
  for (unsigned c = 0; c < CUBES; c++) {
    before += cost[c];
    while (rank < ranks && before * ranks >= all * rank) w->cut[rank++] = c + 1;
  }
  while (rank <= ranks) w->cut[rank++] = CUBES;
  for (unsigned s = 0; s < ranks; s++) {
    w->start[s][0] = 0;
    for (unsigned r = 0; r < ranks; r++) {
      size_t there = 0;
      for (unsigned c = w->cut[r]; c < w->cut[r + 1]; c++) there += ((struct tally *)w->tallies[s])->count[c];
      w->start[s][r + 1] = w->start[s][r] + there;
    }
  }
}

/* From the ranks that had them to those that have them now. */
static void move_bodies(struct world *w) {
  struct team *t = w->t;
  struct body *bodies = w->bodies[t->rank], *dealt = w->dealt[t->rank];
  size_t place[TEAM_MAX];
  unsigned char owner[CUBES];
  memcpy(place, w->start[t->rank], sizeof place);
  for (unsigned r = 0; r < t->ranks; r++) memset(owner + w->cut[r], (int)r, w->cut[r + 1] - w->cut[r]);
  /* In the order of the tree that they were in, where there has been one. */
  for (size_t i = 0; i < w->mine; i++) {
    const struct body *b = w->list[i];
    dealt[place[owner[w->cube[b - bodies]]]++] = *b;
  }
  team_barrier(t);
  w->mine = 0;
  for (unsigned s = 0; s < t->ranks; s++) {
    size_t from = w->start[s][t->rank], there = w->start[s][t->rank + 1] - from;
    memcpy(bodies + w->mine, (struct body *)w->dealt[s] + from, there * sizeof *bodies);
    w->mine += there;
  }
}

/* The trees of this rank's cubes, of which the first cells of its memory are the roots; its bodies are listed. */
static void build(struct world *w) {
  struct team *t = w->t;
  struct pool pool = {.cells = w->cells[t->rank], .used = CUBES, .most = 4 * (size_t)w->n + CUBES};
  struct body *bodies = w->bodies[t->rank], **list = w->list;
  unsigned first = w->cut[t->rank], end = w->cut[t->rank + 1];
  memset(pool.cells + first, 0, (end - first) * sizeof *pool.cells);
  for (size_t i = 0; i < w->mine; i++) {
    struct cube cube = w->root;
    unsigned index = cube_of(&cube, bodies[i].place);
    insert(&pool, &pool.cells[index], cube, &bodies[i]);
  }
  for (unsigned c = first; c < end; c++)
    if (w->count[c] > 0) list = finish(of_cell(&pool.cells[c]), list);
  team_barrier(t);
}

/* The cell of that depth over `CUBES >> 3 * depth` cubes from `first` on; what has one body is that body. */
static node above(const struct world *w, struct pool *p, unsigned depth, unsigned first) {
  unsigned cubes = CUBES >> 3 * depth;
  uint64_t bodies = 0;
  for (unsigned c = first; c < first + cubes; c++) bodies += w->count[c];
  if (bodies == 0) return 0;
  if (depth == DEPTH) {
    unsigned rank = 0;
    while (w->cut[rank + 1] <= first) rank++;
    struct cell *cell = (struct cell *)w->cells[rank] + first;
    unsigned e = 0;
    while (bodies == 1 && cell->child[e] == 0) e++;
    return bodies == 1 ? cell->child[e] : of_cell(cell);
  }
  struct cell *cell = bodies == 1 ? NULL : new_cell(p);
  for (unsigned e = 0; e < 8; e++) {
    node child = above(w, p, depth + 1, first + e * cubes / 8);
    if (!cell && child != 0) return child;
    if (cell) cell->child[e] = child;
  }
  sum_up(cell);
  return of_cell(cell);
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  static struct world w;
  unsigned n = size[0], first = team_first(t, t->rank, n);
  size_t bodies[TEAM_MAX], cells[TEAM_MAX], tallies[TEAM_MAX], bounds[TEAM_MAX];
  for (unsigned r = 0; r < t->ranks; r++) { /* whatever comes to be whose; memory that is not touched costs nothing */
    bodies[r] = n * sizeof(struct body);
    cells[r] = (CUBES + 4 * (size_t)n) * sizeof(struct cell);
    tallies[r] = sizeof(struct tally);
    bounds[r] = sizeof(struct bounds);
  }
  w = (struct world){.t = t, .n = n, .mine = team_first(t, t->rank + 1, n) - first};
  team_memory(t, "bodies", 65536, bodies, w.bodies);
  team_memory(t, "dealt", 65536, bodies, w.dealt);
  team_memory(t, "cells", 65536, cells, w.cells);
  team_memory(t, "tallies", team_unit(sizeof(struct tally)), tallies, w.tallies);
  team_memory(t, "bounds", 4096, bounds, w.bounds);
  struct pool top = {.cells = plain_memory(CUBES * sizeof(struct cell)), .most = CUBES};
  struct walk *walks = plain_memory(n * sizeof *walks);
  w.list = plain_memory(n * sizeof *w.list);
  w.cube = plain_memory(n * sizeof *w.cube);
  struct body *mine = w.bodies[t->rank];
  for (size_t i = 0; i < w.mine; i++) {
    mine[i] = body_at(n, first + (unsigned)i);
    w.list[i] = &mine[i];
  }
  memset(w.dealt[t->rank], 0, w.mine * sizeof *mine); /* memory is there when time begins to count */
  memset(w.cells[t->rank], 0, (CUBES + w.mine / 2) * sizeof(struct cell));
  team_begin(t);
  for (unsigned step = 0; step < size[1]; step++) {
    measure(&w);
    tell_cubes(&w);
    plan(&w);
    move_bodies(&w);
    build(&w);
    top.used = 0;
    node tree = above(&w, &top, 0, 0);
    attract_all(tree, 2 * w.root.half, w.list, w.mine, walks);
    team_barrier(t);
    for (size_t i = 0; i < w.mine; i++) move(w.list[i], &walks[i]);
  }
  double seconds = team_end(t);
  *(size_t *)w.bounds[t->rank] = w.mine;
  team_barrier(t);
  if (t->rank > 0) return seconds;
  for (unsigned r = 0; r < t->ranks; r++)
    for (size_t i = 0; i < *(size_t *)w.bounds[r]; i++) {
      struct body *b = (struct body *)w.bodies[r] + i;
      w.list[b->id] = b;
    }
  hand_over(w.list, n, out);
  return seconds;
}

const struct kernel kernel_barnes = {"barnes", "BODIES STEPS", {2, 1}, {1u << 22, 10000}, 0, plain, shared};
