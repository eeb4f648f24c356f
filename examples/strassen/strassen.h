/* strassen.h: Strassen's matrix multiplication (Numerische Mathematik 13.4, 1969), of square matrices of doubles. */
#ifndef GSHM_EXAMPLES_STRASSEN_H
#define GSHM_EXAMPLES_STRASSEN_H

/* The seven products M, and what they are of; the four quadrants (11, 12, 21, 22) of the result, as sums of them. */
extern const signed char strassen_left[7][4], strassen_right[7][4], strassen_sum[4][7];

/* What is multiplied row by column, and no further divided. */
#define STRASSEN_LEAF 64

/* Doubles of scratch memory that the product of two n x n matrices needs. */
unsigned long strassen_scratch(unsigned n);
/* c = a b, each n x n without gaps; n is STRASSEN_LEAF times a power of two, or less than that. */
void strassen_multiply(double *restrict c, const double *restrict a, const double *restrict b, unsigned n,
                       double *restrict scratch);
/* to[i] += sign * from[i] of n doubles; sign is 1 or -1. */
void strassen_add(double *restrict to, const double *restrict from, int sign, unsigned long n);
/* c = a b by the definition, rows `stride` doubles apart. */
void plain_multiply(double *restrict c, const double *restrict a, const double *restrict b, unsigned n, unsigned stride);

#endif
