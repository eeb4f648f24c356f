/* lu.C: factors a matrix into a lower and an upper triangular one, column blocks dealt to processes in turn, without pivoting.
 *
 *   lu -p2 -n96 -b8      prints the sum of |LU - A|, which a sequential check computes, and a checksum of the factors
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

MAIN_ENV

struct shared {
  BARDEC(step)
  LOCKDEC(numbers)
  long next; /* process number, dealt under the lock */
  double **columns;
  double checksum;
  LOCKDEC(sum)
} *all;

static long n = 96, processes = 1, block = 8;
double *original; /* rank 0's own: it checks alone */

static double entry(long row, long column) {
  double value = (double)((row * 37 + column * 101) % 64) / 64.0;
  return row == column ? value + (double)n : value;
}

static void eliminate(double *column, long pivot) {
  const double *by = all->columns[pivot];
  for (long row = pivot + 1; row < n; row++) column[row] -= by[row] * column[pivot];
}

static void scale(double *column, long pivot) {
  for (long row = pivot + 1; row < n; row++) column[row] /= column[pivot];
}

static int is_mine(long column, long me) { return column / block % processes == me; }

void factor(void) {
  long me;
  double sum = 0;

  LOCK(all->numbers)
  me = all->next++;
  UNLOCK(all->numbers)

  BARRIER(all->step, processes);
  for (long pivot = 0; pivot < n; pivot++) {
    if (is_mine(pivot, me)) scale(all->columns[pivot], pivot);
    BARRIER(all->step, processes)
    for (long column = pivot + 1; column < n; column++)
      if (is_mine(column, me)) eliminate(all->columns[column], pivot);
  }
  for (long column = 0; column < n; column++)
    if (is_mine(column, me))
      for (long row = 0; row < n; row++) sum += all->columns[column][row] * (double)(1 + (row ^ column) % 7);
  LOCK(all->sum);
  all->checksum += sum;
  UNLOCK(all->sum);
}

static double residual(void) {
  double worst = 0;
  for (long row = 0; row < n; row++) {
    for (long column = 0; column < n; column++) {
      double value = 0;
      for (long k = 0; k <= row && k <= column; k++) value += (k == row ? 1.0 : all->columns[k][row]) * all->columns[column][k];
      double off = fabs(value - original[row * n + column]);
      if (off > worst) worst = off;
    }
  }
  return worst;
}

int main(int argc, char **argv) {
  int option;
  unsigned long begun, ended;

  while ((option = getopt(argc, argv, "p:n:b:")) != -1) {
    if (option == 'p') processes = atol(optarg);
    if (option == 'n') n = atol(optarg);
    if (option == 'b') block = atol(optarg);
  }
  MAIN_INITENV(,40000000)

  all = (struct shared *)G_MALLOC(sizeof(struct shared))
  all->columns = (double **)G_MALLOC(n * sizeof(double *));
  for (long column = 0; column < n; column++) all->columns[column] = (double *)G_MALLOC(n * sizeof(double));
  original = (double *)malloc(n * n * sizeof(double));
  for (long row = 0; row < n; row++)
    for (long column = 0; column < n; column++) all->columns[column][row] = original[row * n + column] = entry(row, column);
  all->next = 0;
  all->checksum = 0;
  BARINIT(all->step, processes);
  LOCKINIT(all->numbers)
  LOCKINIT(all->sum)

  CLOCK(begun)
  CREATE(factor, processes)
  WAIT_FOR_END(processes)
  CLOCK(ended)

  printf("checksum %.6f\n", all->checksum);
  printf("residual %s\n", residual() < 1e-9 ? "small" : "large");
  fprintf(stderr, "%lu us\n", ended - begun);
  MAIN_END;
}
