/* water.c: molecular dynamics of n molecules of water, each of three atoms, by pairs of all molecules whose oxygens are nearer
 * than half the box: Lennard-Jones between oxygens, Coulomb between all atoms, springs within a molecule; in steps of
 * velocity Verlet. Molecule i is paired with the next n / 2, so each pair is looked at once.
 *
 * A rank has a band of molecules, and pairs these. What it finds of others' forces it writes into a part of its own, and
 * when all have done so, each adds up for its molecules what all ranks have, in the order of the ranks, and moves them. So a
 * rank reads, in each step, the positions and the forces that the others have made: some tens of KiB, whatever the number of pairs.
 * The order of a sum is not the plain program's, so results differ by rounding.
 *
 * mrsw: a page has one writer, its home, and between two barriers nobody reads what is written: a diff of pages that
 * change as a whole would only be more. */
#include "kernel.h"

#include <math.h>
#include <string.h>

#define ATOMS 3u /* O H H */
#define AXES 3u

/* Units: nanometre, picosecond, dalton; so energies are kJ/mol. */
#define SPACING 0.31 /* of the grid that the molecules begin on: the density of water */
#define STEP 0.0002
#define SIGMA 0.3166
#define EPSILON 0.65
#define COULOMB 138.935
#define BOND 0.1
#define ANGLE 0.1633 /* between the hydrogens */
#define SPRING 345000.0

static const double mass[ATOMS] = {15.9994, 1.008, 1.008};
static const double charge[ATOMS] = {-0.82, 0.41, 0.41};
static const struct {
  unsigned a, b;
  double length;
} springs[3] = {{0, 1, BOND}, {0, 2, BOND}, {1, 2, ANGLE}};

typedef double molecule[ATOMS][AXES];


static double box_of(unsigned n) { return SPACING * ceil(cbrt(n)); }

/* On a grid, turned at random, and with small speeds. */
static void fill_molecule(unsigned n, unsigned i, molecule place, molecule speed) {
  unsigned side = (unsigned)ceil(cbrt(n));
  double origin[AXES] = {(i / side / side + 0.5) * SPACING, (i / side % side + 0.5) * SPACING, (i % side + 0.5) * SPACING};
  double turn = 2 * M_PI * number_at(8 * (uint64_t)i), tilt = M_PI * number_at(8 * (uint64_t)i + 1), half = asin(ANGLE / 2 / BOND);
  for (unsigned a = 0; a < ATOMS; a++) {
    double angle = turn + (a == 1 ? half : -half), reach = a == 0 ? 0 : BOND;
    double x = reach * cos(angle), y = reach * sin(angle);
    double at[AXES] = {x, y * cos(tilt), y * sin(tilt)};
    for (unsigned d = 0; d < AXES; d++) {
      place[a][d] = origin[d] + at[d];
      speed[a][d] = number_at(8 * (uint64_t)i + 2 + d) - 0.5;
    }
  }
}

/* The nearest of all copies of the box. */
static inline double nearest(double distance, double box) {
  return distance > box / 2 ? distance - box : distance < -box / 2 ? distance + box : distance;
}

static void pair(const molecule x, const molecule y, double box, molecule force_x, molecule force_y) {
  double shift[AXES], square = 0;
  for (unsigned d = 0; d < AXES; d++) {
    double distance = x[0][d] - y[0][d], least = nearest(distance, box);
    shift[d] = least - distance;
    square += least * least;
  }
  if (square > box * box / 4) return;
  for (unsigned a = 0; a < ATOMS; a++)
    for (unsigned b = 0; b < ATOMS; b++) {
      double between[AXES], r2 = 0;
      for (unsigned d = 0; d < AXES; d++) {
        between[d] = x[a][d] - y[b][d] + shift[d];
        r2 += between[d] * between[d];
      }
      double strength = COULOMB * charge[a] * charge[b] / (r2 * sqrt(r2));
      if (a == 0 && b == 0) {
        double s2 = SIGMA * SIGMA / r2, s6 = s2 * s2 * s2;
        strength += 24 * EPSILON * (2 * s6 * s6 - s6) / r2;
      }
      for (unsigned d = 0; d < AXES; d++) {
        force_x[a][d] += strength * between[d];
        force_y[b][d] -= strength * between[d];
      }
    }
}

/* Molecule i with the next half of all. Of an even number two are each other's last: the lower one has that pair. */
static void pair_with_next(const molecule *place, unsigned n, unsigned i, double box, molecule *force) {
  unsigned others = (n - 1) / 2 + (n % 2 == 0 && i < n / 2);
  for (unsigned k = 1; k <= others; k++) {
    unsigned j = i + k < n ? i + k : i + k - n;
    pair(place[i], place[j], box, force[i], force[j]);
  }
}

static void pull_springs(const molecule place, molecule force) {
  for (unsigned s = 0; s < 3; s++) {
    const double *a = place[springs[s].a], *b = place[springs[s].b];
    double between[AXES], r2 = 0;
    for (unsigned d = 0; d < AXES; d++) {
      between[d] = a[d] - b[d];
      r2 += between[d] * between[d];
    }
    double strength = -SPRING * (1 - springs[s].length / sqrt(r2));
    for (unsigned d = 0; d < AXES; d++) {
      force[springs[s].a][d] += strength * between[d];
      force[springs[s].b][d] -= strength * between[d];
    }
  }
}

static void quicken(molecule speed, const molecule force) {
  for (unsigned a = 0; a < ATOMS; a++)
    for (unsigned d = 0; d < AXES; d++) speed[a][d] += STEP / 2 * force[a][d] / mass[a];
}

/* Molecules stay whole: they leave the box, and `nearest` brings them back. */
static void move(molecule place, const molecule speed, double box) {
  for (unsigned a = 0; a < ATOMS; a++)
    for (unsigned d = 0; d < AXES; d++) place[a][d] += STEP * speed[a][d];
  for (unsigned d = 0; d < AXES; d++) {
    double back = place[0][d] < 0 ? box : place[0][d] >= box ? -box : 0;
    if (back != 0)
      for (unsigned a = 0; a < ATOMS; a++) place[a][d] += back;
  }
}

static void hand_over(const molecule *place, const molecule *speed, size_t n, struct sink *out) {
  sink_doubles(out, &place[0][0][0], n * ATOMS * AXES);
  sink_doubles(out, &speed[0][0][0], n * ATOMS * AXES);
}

static double plain(const unsigned size[], struct sink *out) {
  unsigned n = size[0];
  double box = box_of(n);
  molecule *place = plain_memory(n * sizeof *place), *speed = plain_memory(n * sizeof *speed), *force = plain_memory(n * sizeof *force);
  for (unsigned i = 0; i < n; i++) fill_molecule(n, i, place[i], speed[i]);
  double began = clock_seconds();
  for (unsigned step = 0; step <= size[1]; step++) { /* forces are made once more than steps */
    for (unsigned i = 0; i < n; i++) pair_with_next(place, n, i, box, force);
    for (unsigned i = 0; i < n; i++) {
      pull_springs(place[i], force[i]);
      if (step > 0) quicken(speed[i], force[i]);
      if (step < size[1]) {
        quicken(speed[i], force[i]);
        move(place[i], speed[i], box);
      }
      memset(force[i], 0, sizeof force[i]);
    }
  }
  double seconds = clock_seconds() - began;
  for (unsigned i = 0; i < n; i++) hand_over(place + i, speed + i, 1, out);
  return seconds;
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  unsigned n = size[0], first = team_first(t, t->rank, n), end = team_first(t, t->rank + 1, n);
  double box = box_of(n);
  size_t bands[TEAM_MAX], whole[TEAM_MAX];
  void *places[TEAM_MAX], *speeds[TEAM_MAX], *forces[TEAM_MAX];
  for (unsigned r = 0; r < t->ranks; r++) {
    bands[r] = (team_first(t, r + 1, n) - team_first(t, r, n)) * sizeof(molecule);
    whole[r] = n * sizeof(molecule);
  }
  team_memory(t, "places", 65536, bands, places);
  team_memory(t, "speeds", 65536, bands, speeds);
  team_memory(t, "forces", 65536, whole, forces);
  molecule *mine = places[t->rank], *speed = speeds[t->rank], *found = forces[t->rank];
  /* Of this rank alone: all places, and its sums. */
  molecule *place = plain_memory(n * sizeof *place), *force = plain_memory(n * sizeof *force);
  for (unsigned i = first; i < end; i++) fill_molecule(n, i, mine[i - first], speed[i - first]);
  memset(found, 0, n * sizeof *found);
  team_begin(t);
  for (unsigned step = 0; step <= size[1]; step++) {
    for (unsigned r = 0; r < t->ranks; r++) memcpy(place + team_first(t, r, n), places[r], bands[r]);
    for (unsigned i = first; i < end; i++) pair_with_next(place, n, i, box, force);
    memcpy(found, force, n * sizeof *found);
    memset(force, 0, n * sizeof *force);
    team_barrier(t);
    for (unsigned i = first; i < end; i++) {
      molecule *sum = &force[i];
      for (unsigned r = 0; r < t->ranks; r++)
        for (unsigned k = 0; k < ATOMS * AXES; k++) (&(*sum)[0][0])[k] += (&((molecule *)forces[r])[i][0][0])[k];
      pull_springs(place[i], *sum);
      if (step > 0) quicken(speed[i - first], *sum);
      if (step < size[1]) {
        quicken(speed[i - first], *sum);
        move(mine[i - first], speed[i - first], box);
      }
      memset(*sum, 0, sizeof *sum);
    }
    team_barrier(t);
  }
  double seconds = team_end(t);
  if (t->rank > 0) return seconds;
  for (unsigned r = 0; r < t->ranks; r++)
    for (unsigned i = 0; i < bands[r] / sizeof(molecule); i++) hand_over((molecule *)places[r] + i, (molecule *)speeds[r] + i, 1, out);
  return seconds;
}

const struct kernel kernel_water = {"water", "MOLECULES STEPS", {2, 1}, {100000, 100000}, 1e-9, plain, shared};
