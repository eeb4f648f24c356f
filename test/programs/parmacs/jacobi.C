/* jacobi.C: heat in a plate by Jacobi relaxation. Rows are dealt in strips; two grids take turns; the change of each sweep is
 * reduced under a lock. Processes are created one by one, and find their number by GETSUB; rank 0 takes part.
 *
 *   jacobi -p2 -n64 -s40     prints the last sweep's change and a checksum, which do not depend on -p
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

MAIN_ENV

#define SIDE_MAX 1024

typedef struct {
  double (*from)[SIDE_MAX];
  double (*to)[SIDE_MAX];
} grids;

struct gang {
  GSDEC(number)
  BARDEC(sweep)
  LOCKDEC(change_lock)
  double change;
} *gang;

long side = 64, sweeps = 40;
int processes = 1;
double edge[4] = {100.0, 0.0, 25.0, 75.0}; /* initialised data */
static grids grid;                         /* not initialised: a copy comes with CREATE */

static void relax(int me) {
  long from = 1 + me * (side - 2) / processes, to = 1 + (me + 1) * (side - 2) / processes;
  grids mine = grid;

  for (long sweep = 0; sweep < sweeps; sweep++) {
    double change = 0;
    for (long row = from; row < to; row++) {
      for (long column = 1; column < side - 1; column++) {
        double value = 0.25 * (mine.from[row - 1][column] + mine.from[row + 1][column] + mine.from[row][column - 1] +
                               mine.from[row][column + 1]);
        double off = fabs(value - mine.from[row][column]);
        if (off > change) change = off;
        mine.to[row][column] = value;
      }
    }
    if (me == 0) gang->change = 0;
    BARRIER(gang->sweep, processes)
    LOCK(gang->change_lock)
    if (change > gang->change) gang->change = change;
    UNLOCK(gang->change_lock)
    BARRIER(gang->sweep, processes)
    grids turned = {mine.to, mine.from};
    mine = turned;
  }
}

void work(void) {
  int me;
  GETSUB(gang->number, me, processes - 1, processes)
  relax(me);
}

int main(int argc, char **argv) {
  int option, i;
  double sum = 0;

  while ((option = getopt(argc, argv, "p:n:s:")) != -1) {
    if (option == 'p') processes = atoi(optarg);
    if (option == 'n') side = atol(optarg);
    if (option == 's') sweeps = atol(optarg);
  }
  MAIN_INITENV(,80000000)

  gang = (struct gang *)G_MALLOC(sizeof *gang);
  grid.from = G_MALLOC(sizeof(double) * SIDE_MAX * (side + 1))
  grid.to = G_MALLOC(sizeof(double) * SIDE_MAX * (side + 1))
  for (long row = 0; row < side; row++) {
    for (long column = 0; column < side; column++) grid.from[row][column] = grid.to[row][column] = 0;
    grid.from[row][0] = grid.to[row][0] = edge[2];
    grid.from[row][side - 1] = grid.to[row][side - 1] = edge[3];
  }
  for (long column = 0; column < side; column++) {
    grid.from[0][column] = grid.to[0][column] = edge[0];
    grid.from[side - 1][column] = grid.to[side - 1][column] = edge[1];
  }
  GSINIT(gang->number)
  BARINIT(gang->sweep)
  LOCKINIT(gang->change_lock)

  for (i = 1; i < processes; i++) {
    CREATE(work)
  }
  work();
  WAIT_FOR_END(processes - 1)

  for (long row = 0; row < side; row++)
    for (long column = 0; column < side; column++) {
      double value = sweeps % 2 == 0 ? grid.from[row][column] : grid.to[row][column];
      sum += value * (double)(1 + (row * 3 + column) % 5);
    }
  printf("change %.9f\nchecksum %.6f\n", gang->change, sum);
  G_FREE(grid.from)
  MAIN_END
}
