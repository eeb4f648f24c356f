/* radix.c: sorts n keys of 32 bits, by three digits of 11, 11 and 10 bits, the lowest first.
 *
 * A rank has a band of the keys. All count their keys by the highest digit, and from these counts each knows where the
 * sorted keys are cut so that ranks have about as many each. It puts its keys in order of the rank that is to have them, and when
 * all have done so, each fetches its own and sorts them where it is. So keys travel once; what each digit's pass of the plain
 * program does with all keys, it does with those of the rank, which are one range of values.
 *
 * mrsw: a page has one writer, its home; the others read it, once, in one piece. Units of 64 KiB. */
#include "kernel.h"

#include <string.h>

#define DIGITS 3
#define BUCKETS 2048u

static const unsigned shifts[DIGITS] = {0, 11, 22};

static inline unsigned digit_of(uint32_t key, unsigned digit) { return key >> shifts[digit] & (BUCKETS - 1); }

static uint32_t key_at(size_t index) { return (uint32_t)(number_at(index) * 0x1p32); }

/* How often each digit is there; adds to what is in `counts`. */
static void count(const uint32_t *keys, size_t n, size_t counts[DIGITS][BUCKETS]) {
  for (size_t i = 0; i < n; i++)
    for (unsigned d = 0; d < DIGITS; d++) counts[d][digit_of(keys[i], d)]++;
}

static void counts_to_places(size_t counts[BUCKETS]) {
  size_t place = 0;
  for (unsigned b = 0; b < BUCKETS; b++) {
    size_t here = counts[b];
    counts[b] = place;
    place += here;
  }
}

static void sort_by(unsigned digit, const uint32_t *from, size_t n, size_t places[BUCKETS], uint32_t *to) {
  for (size_t i = 0; i < n; i++) to[places[digit_of(from[i], digit)]++] = from[i];
}

static double plain(const unsigned size[], struct sink *out) {
  size_t n = size[0], counts[DIGITS][BUCKETS] = {{0}};
  uint32_t *keys = plain_memory(n * sizeof *keys), *other = plain_memory(n * sizeof *other);
  for (size_t i = 0; i < n; i++) keys[i] = key_at(i);
  double began = clock_seconds();
  count(keys, n, counts);
  for (unsigned d = 0; d < DIGITS; d++) {
    counts_to_places(counts[d]);
    sort_by(d, keys, n, counts[d], other);
    uint32_t *held = keys;
    keys = other, other = held;
  }
  double seconds = clock_seconds() - began;
  sink_words(out, keys, n);
  return seconds;
}

/* Each rank's counts by the highest digit, in a part of its own. */
typedef uint32_t tally[BUCKETS];

/* Ranks have the buckets from cut[r] to cut[r + 1]; start[s][r] is where rank s keeps what rank r is to have. */
struct plan {
  unsigned cut[TEAM_MAX + 1];
  size_t start[TEAM_MAX][TEAM_MAX + 1];
};

static void make_plan(const struct team *t, size_t n, void *const tallies[], struct plan *p) {
  size_t before = 0;
  unsigned rank = 1;
  memset(p, 0, sizeof *p);
  for (unsigned b = 0; b < BUCKETS; b++) {
    for (unsigned s = 0; s < t->ranks; s++) before += (*(tally *)tallies[s])[b];
    while (rank < t->ranks && before * t->ranks >= n * rank) p->cut[rank++] = b + 1;
  }
  while (rank <= t->ranks) p->cut[rank++] = BUCKETS;
  for (unsigned s = 0; s < t->ranks; s++)
    for (unsigned r = 0; r < t->ranks; r++) {
      size_t keys = 0;
      for (unsigned b = p->cut[r]; b < p->cut[r + 1]; b++) keys += (*(tally *)tallies[s])[b];
      p->start[s][r + 1] = p->start[s][r] + keys;
    }
}

/* This rank's keys, those for rank 0 first. */
static void deal(const struct team *t, const struct plan *p, const uint32_t *keys, size_t n, uint32_t *dealt) {
  size_t place[TEAM_MAX];
  unsigned char owner[BUCKETS];
  memcpy(place, p->start[t->rank], sizeof place);
  for (unsigned r = 0; r < t->ranks; r++)
    for (unsigned b = p->cut[r]; b < p->cut[r + 1]; b++) owner[b] = (unsigned char)r;
  for (size_t i = 0; i < n; i++) dealt[place[owner[digit_of(keys[i], DIGITS - 1)]]++] = keys[i];
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  unsigned n = size[0], first = team_first(t, t->rank, n), mine = team_first(t, t->rank + 1, n) - first;
  size_t bands[TEAM_MAX], whole[TEAM_MAX], tallies_bytes[TEAM_MAX], counts[DIGITS][BUCKETS] = {{0}};
  void *keys[TEAM_MAX], *dealt[TEAM_MAX], *sorted[TEAM_MAX], *tallies[TEAM_MAX];
  for (unsigned r = 0; r < t->ranks; r++) {
    bands[r] = (team_first(t, r + 1, n) - team_first(t, r, n)) * sizeof(uint32_t);
    whole[r] = (size_t)n * sizeof(uint32_t); /* memory that is not touched costs nothing */
    tallies_bytes[r] = sizeof(tally);
  }
  team_memory(t, "keys", 65536, bands, keys);
  team_memory(t, "dealt", 65536, bands, dealt);
  team_memory(t, "sorted", 65536, whole, sorted);
  team_memory(t, "tallies", team_unit(sizeof(tally)), tallies_bytes, tallies);
  uint32_t *band = keys[t->rank], *spare = plain_memory((size_t)n * sizeof *spare);
  for (size_t i = 0; i < mine; i++) band[i] = key_at(first + i);
  /* Where there will be keys: as many as were here, and some more. */
  memset(dealt[t->rank], 0, mine * sizeof *band);
  memset(sorted[t->rank], 0, (mine + mine / 16 < n ? mine + mine / 16 : n) * sizeof *band);
  team_begin(t);
  static struct plan plan;
  uint32_t *tally_of_mine = *(tally *)tallies[t->rank];
  for (size_t i = 0; i < mine; i++) tally_of_mine[digit_of(band[i], DIGITS - 1)]++;
  team_barrier(t);
  make_plan(t, n, tallies, &plan);
  deal(t, &plan, band, mine, dealt[t->rank]);
  team_barrier(t);
  size_t got = 0;
  uint32_t *whole_range = sorted[t->rank];
  for (unsigned step = 0; step < t->ranks; step++) {
    unsigned s = (t->rank + step) % t->ranks;
    size_t from = plan.start[s][t->rank], keys_there = plan.start[s][t->rank + 1] - from;
    memcpy(spare + got, (uint32_t *)dealt[s] + from, keys_there * sizeof *spare);
    got += keys_there;
  }
  count(spare, got, counts);
  for (unsigned d = 0; d < DIGITS; d++) {
    counts_to_places(counts[d]);
    sort_by(d, d % 2 == 0 ? spare : whole_range, got, counts[d], d % 2 == 0 ? whole_range : spare);
  }
  double seconds = team_end(t);
  if (t->rank > 0) return seconds;
  for (unsigned r = 0; r < t->ranks; r++) {
    size_t there = 0;
    for (unsigned s = 0; s < t->ranks; s++) there += plan.start[s][r + 1] - plan.start[s][r];
    sink_words(out, sorted[r], there);
  }
  return seconds;
}

const struct kernel kernel_radix = {"radix", "KEYS", {1}, {1u << 28}, 0, plain, shared};
