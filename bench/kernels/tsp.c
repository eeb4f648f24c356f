/* tsp.c: the shortest round trip through n cities, by branch and bound. Distances are whole numbers, so the length is exact;
 * which of several shortest trips is found depends on who is first, so the results are the length, and that of the trip.
 *
 * A queue in shared memory has the beginnings of all trips, of four cities each, the shortest first. Ranks take
 * from it in turn, and give up what is as long already as the shortest trip that anybody has found: its length is shared, too,
 * and read all the time. A better bound would leave nothing to measure of 14 cities.
 *
 * mrsw, and no other model: the shared length is read without a lock. It only falls, so a stale value costs time alone; but
 * that a rank sees a new one at all, before it takes its next beginning, sequential consistency promises and lrc does
 * not. That word has a page of its own: reading it costs nothing until somebody has found a shorter trip. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CITIES_MAX 20u
#define BEGINNING 4u

struct instance {
  unsigned n;
  unsigned distance[CITIES_MAX][CITIES_MAX];
};

struct beginning {
  unsigned length;
  unsigned char city[BEGINNING];
};

struct queue {
  unsigned count;
  struct beginning beginnings[CITIES_MAX * CITIES_MAX * CITIES_MAX];
};

/* Apart from the queue, which is never written again, so that each rank fetches that once. */
struct head {
  volatile unsigned taker, next;
};

struct shortest {
  volatile unsigned length;
  unsigned char trip[CITIES_MAX];
};

struct search {
  const struct instance *i;
  struct shortest *shortest;
  struct team *team; /* NULL: nobody else searches */
  unsigned char trip[CITIES_MAX];
};

/* Cities of a square, whose distances differ a little by direction, as one-way streets would have it. */
static void make_instance(struct instance *i, unsigned n) {
  memset(i, 0, sizeof *i);
  i->n = n;
  for (unsigned a = 0; a < n; a++) {
    for (unsigned b = 0; b < n; b++) {
      if (a == b) continue;
      double dx = number_at(2 * a) - number_at(2 * b), dy = number_at(2 * a + 1) - number_at(2 * b + 1);
      i->distance[a][b] = (unsigned)(100000 * sqrt(dx * dx + dy * dy) + 20000 * number_at(1000 + a * CITIES_MAX + b)) + 1;
    }
  }
}

static unsigned trip_length(const struct instance *i, const unsigned char *trip) {
  unsigned length = 0;
  for (unsigned k = 0; k < i->n; k++) length += i->distance[trip[k]][trip[(k + 1) % i->n]];
  return length;
}

/* Always to the nearest city that is left: a trip to begin with. */
static void greedy(const struct instance *i, struct shortest *s) {
  unsigned left = (1u << i->n) - 2;
  s->trip[0] = 0;
  for (unsigned k = 1; k < i->n; k++) {
    unsigned next = 0, best = ~0u;
    for (unsigned c = 1; c < i->n; c++)
      if (left >> c & 1 && i->distance[s->trip[k - 1]][c] < best) best = i->distance[s->trip[k - 1]][next = c];
    s->trip[k] = (unsigned char)next;
    left &= ~(1u << next);
  }
  s->length = trip_length(i, s->trip);
}

static void found(struct search *s, unsigned length) {
  if (s->team) team_lock(s->team);
  if (length < s->shortest->length) {
    memcpy(s->shortest->trip, s->trip, s->i->n);
    s->shortest->length = length;
  }
  if (s->team) team_unlock(s->team);
}

/* `length` so far, to trip[depth - 1]; the cities of `left` are to come. */
static void extend(struct search *s, unsigned depth, unsigned left, unsigned length) {
  const struct instance *i = s->i;
  unsigned at = s->trip[depth - 1];
  if (left == 0) {
    length += i->distance[at][0];
    if (length < s->shortest->length) found(s, length);
    return;
  }
  for (unsigned cities = left; cities != 0; cities &= cities - 1) {
    unsigned c = (unsigned)__builtin_ctz(cities), longer = length + i->distance[at][c];
    if (longer >= s->shortest->length) continue;
    s->trip[depth] = (unsigned char)c;
    extend(s, depth + 1, left & ~(1u << c), longer);
  }
}

static void complete(struct search *s, const struct beginning *b) {
  const struct instance *i = s->i;
  unsigned left = (1u << i->n) - 1;
  if (b->length >= s->shortest->length) return;
  for (unsigned k = 0; k < BEGINNING; k++) {
    s->trip[k] = b->city[k];
    left &= ~(1u << b->city[k]);
  }
  extend(s, BEGINNING, left, b->length);
}

static int by_length(const void *a, const void *b) {
  const struct beginning *x = a, *y = b;
  if (x->length != y->length) return x->length < y->length ? -1 : 1;
  return memcmp(x->city, y->city, BEGINNING);
}

static void fill_queue(const struct instance *i, struct queue *q) {
  q->count = 0;
  for (unsigned a = 1; a < i->n; a++)
    for (unsigned b = 1; b < i->n; b++)
      for (unsigned c = 1; c < i->n; c++) {
        if (a == b || a == c || b == c) continue;
        unsigned length = i->distance[0][a] + i->distance[a][b] + i->distance[b][c];
        q->beginnings[q->count++] = (struct beginning){length, {0, (unsigned char)a, (unsigned char)b, (unsigned char)c}};
      }
  qsort(q->beginnings, q->count, sizeof *q->beginnings, by_length);
}

static void hand_over(const struct instance *i, const struct shortest *s, struct sink *out) {
  uint32_t results[2] = {s->length, trip_length(i, s->trip)};
  sink_words(out, results, 2);
}

static double plain(const unsigned size[], struct sink *out) {
  struct instance instance;
  struct shortest shortest;
  struct queue *q = plain_memory(sizeof *q);
  struct search search = {.i = &instance, .shortest = &shortest};
  make_instance(&instance, size[0]);
  double began = clock_seconds();
  greedy(&instance, &shortest);
  fill_queue(&instance, q);
  for (unsigned next = 0; next < q->count; next++) complete(&search, &q->beginnings[next]);
  double seconds = clock_seconds() - began;
  hand_over(&instance, &shortest, out);
  return seconds;
}

/* How many beginnings are taken at once: fewer towards the end, so that nobody is left with a large share. */
static unsigned share(unsigned left, const struct team *t) {
  unsigned part = left / (8 * t->ranks);
  return part > 16 ? 16 : part > 0 ? part : 1;
}

static double shared(struct team *t, const unsigned size[], struct sink *out) {
  struct instance instance; /* each rank has its own: it is never written */
  size_t queues[TEAM_MAX] = {sizeof(struct queue)}, lengths[TEAM_MAX] = {sizeof(struct shortest)}, heads[TEAM_MAX] = {sizeof(struct head)};
  struct queue *q = team_memory(t, "queue", 65536, queues, NULL);
  struct head *head = team_memory(t, "head", 4096, heads, NULL);
  struct search search = {.i = &instance, .shortest = team_memory(t, "shortest", 4096, lengths, NULL), .team = t};
  make_instance(&instance, size[0]);
  if (t->rank == 0) search.shortest->length = ~0u;
  team_begin(t);
  if (t->rank == 0) {
    greedy(&instance, search.shortest);
    fill_queue(&instance, q);
  }
  team_barrier(t);
  for (;;) {
    team_lock(t);
    head->taker = t->rank; /* a store first: the page is fetched once, to be written */
    unsigned next = head->next, count = next < q->count ? share(q->count - next, t) : 0;
    head->next = next + count;
    team_unlock(t);
    if (count == 0) break;
    for (unsigned k = 0; k < count; k++) complete(&search, &q->beginnings[next + k]);
  }
  double seconds = team_end(t);
  if (t->rank == 0) hand_over(&instance, search.shortest, out);
  return seconds;
}

const struct kernel kernel_tsp = {"tsp", "CITIES", {5}, {CITIES_MAX}, 0, plain, shared};
