/* wordcount: the ranks of one run count the words of a file in global memory.
 *
 *   gshm run -n 6 -- examples/wordcount/rank.sh [--consistency M] [--manager K] [--unit BYTES] FILE
 *   (run.sh does that and checks the result)
 *
 * Each rank reads its part of the file straight into a shared segment, counts the words that begin
 * there, and adds them to a shared table, under locks; rank 0 prints it as `sort | uniq -c` would.
 * A word is a run of A-Z and a-z.
 *
 * The table, which C and Node.js ranks share: BUCKETS heads of chains (0: empty, else an entry's
 * number + 1), then entries. A word of the text is named by its place there, so that any length will
 * do. Bucket b belongs to lock b / (BUCKETS / LOCKS): who has the lock may follow and change the
 * chains of its buckets. Every rank makes new entries in a part of its own: words that begin in
 * text[from, to) take entries from + rank .. to + rank, of which there are always enough. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gshm.h"

#define BUCKETS 4096u
#define LOCKS 64u

struct entry {
  uint32_t next, offset, length, count;
};
struct table {
  uint32_t heads[BUCKETS];
  struct entry entries[];
};

struct word {
  uint32_t offset, length, bucket;
};

static gshm *g;
static uint32_t rank, ranks;
static unsigned char *text;
static uint32_t size;
static struct table *table;
static gshm_options model;

static void fail(const char *what) {
  fprintf(stderr, "wordcount: %s: %s\n", what, gshm_strerror(errno));
  exit(1);
}

static bool letter(uint32_t at) { return (text[at] | 32) >= 'a' && (text[at] | 32) <= 'z'; }

/* Where rank r's part of the text begins. */
static uint32_t part(uint32_t r) { return (uint32_t)((uint64_t)size * r / ranks); }

/* FNV-1a (Fowler, Noll, Vo). */
static uint32_t bucket_of(uint32_t offset, uint32_t length) {
  uint32_t hash = 2166136261u;
  for (uint32_t i = 0; i < length; i++) hash = (hash ^ text[offset + i]) * 16777619u;
  return hash % BUCKETS;
}

static int compare_text(uint32_t a, uint32_t a_length, uint32_t b, uint32_t b_length) {
  int order = memcmp(text + a, text + b, a_length < b_length ? a_length : b_length);
  return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int by_bucket(const void *left, const void *right) {
  const struct word *a = left, *b = right;
  if (a->bucket != b->bucket) return a->bucket < b->bucket ? -1 : 1;
  return compare_text(a->offset, a->length, b->offset, b->length);
}

static int by_text(const void *left, const void *right) {
  const struct entry *a = left, *b = right;
  return compare_text(a->offset, a->length, b->offset, b->length);
}

/* The words that begin in this rank's part; the last one may end in another's. */
static uint32_t find_words(struct word *words) {
  uint32_t count = 0, end = part(rank + 1);
  for (uint32_t at = part(rank); at < end; at++) {
    if (!letter(at) || (at > 0 && letter(at - 1))) continue;
    uint32_t length = 1;
    while (at + length < size && letter(at + length)) length++;
    words[count++] = (struct word){at, length, bucket_of(at, length)};
  }
  return count;
}

/* Under the bucket's lock. `fresh` is an entry of ours that is free; true when it is used now. */
static bool add(const struct word *word, uint32_t count, uint32_t fresh) {
  for (uint32_t at = table->heads[word->bucket]; at != 0; at = table->entries[at - 1].next) {
    struct entry *entry = &table->entries[at - 1];
    if (compare_text(entry->offset, entry->length, word->offset, word->length) != 0) continue;
    entry->count += count;
    return false;
  }
  table->entries[fresh] = (struct entry){table->heads[word->bucket], word->offset, word->length, count};
  table->heads[word->bucket] = fresh + 1;
  return true;
}

static void add_all(struct word *words, uint32_t count) {
  uint32_t fresh = part(rank) + rank;
  qsort(words, count, sizeof *words, by_bucket);
  for (uint32_t i = 0; i < count;) {
    uint32_t lock = words[i].bucket / (BUCKETS / LOCKS);
    if (gshm_lock_n(g, lock) != 0) fail("lock");
    while (i < count && words[i].bucket / (BUCKETS / LOCKS) == lock) {
      uint32_t same = 1;
      while (i + same < count && by_bucket(&words[i], &words[i + same]) == 0) same++;
      fresh += add(&words[i], same, fresh);
      i += same;
    }
    if (gshm_unlock_n(g, lock) != 0) fail("unlock");
  }
}

static void print(void) {
  struct entry *all = malloc((size + 1) * sizeof *all);
  uint32_t count = 0;
  if (!all) fail("malloc");
  for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
    for (uint32_t at = table->heads[bucket]; at != 0; at = all[count - 1].next) all[count++] = table->entries[at - 1];
  qsort(all, count, sizeof *all, by_text);
  if (!letter(0)) printf("%7u \n", 1); /* tr makes an empty line of what comes before the first word */
  for (uint32_t i = 0; i < count; i++) printf("%7u %.*s\n", all[i].count, (int)all[i].length, text + all[i].offset);
  free(all);
}

static void barrier(const char *name) {
  if (gshm_barrier(g, name, ranks) != 0) fail(name);
}

/* Rank 0 makes it afresh; the others find it after the barrier. */
static void *share(const char *name, uint64_t bytes, const char *ready) {
  gshm_segment *segment = NULL;
  if (rank == 0) {
    gshm_unlink(g, name); /* what a run that was killed may have left */
    segment = gshm_create_with(g, name, bytes, 0, &model);
    if (!segment) fail(name);
  }
  barrier(ready);
  if (rank != 0) segment = gshm_open(g, name, 0);
  void *view = segment ? gshm_map(segment, NULL, 0, 0) : NULL;
  if (!view) fail(name);
  return view;
}

static void read_part(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path);
  for (uint32_t at = part(rank), end = part(rank + 1); at < end;) {
    ssize_t got = pread(fd, text + at, end - at, at);
    if (got <= 0) fail(path);
    at += (uint32_t)got;
  }
  close(fd);
}

static uint32_t from_environment(const char *name, uint32_t otherwise) {
  const char *value = getenv(name);
  return value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

/* 8192, or 64K. */
static uint32_t bytes(const char *text) {
  char *end;
  unsigned long value = strtoul(text, &end, 10), times = *end == 'K' || *end == 'k' ? 1024 : 1;
  if (end != text && *(end + (times > 1)) == 0 && value <= 65536 / times) return (uint32_t)(value * times);
  fprintf(stderr, "wordcount: --unit '%s': bytes are wanted, such as 8192 or 64K\n", text);
  exit(2);
}

/* Gives the file's path. */
static const char *parse(int argc, char **argv) {
  static const struct option known[] = {{"consistency", required_argument, NULL, 'c'},
                                        {"manager", required_argument, NULL, 'm'},
                                        {"unit", required_argument, NULL, 'u'},
                                        {NULL, 0, NULL, 0}};
  for (int word; (word = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (word == 'c') model.consistency = optarg;
    else if (word == 'm') model.manager = optarg;
    else if (word == 'u') model.unit = rank == 0 ? bytes(optarg) : 0;
    else exit(2);
  }
  return optind < argc ? argv[optind] : "/usr/share/common-licenses/GPL-3";
}

int main(int argc, char **argv) {
  struct stat stat_ = {.st_size = 1};
  rank = from_environment("GSHM_RANK", 0);
  ranks = from_environment("GSHM_RANKS", 1);
  const char *path = parse(argc, argv);
  /* Rank 0 says what is wrong, once: the others wait for it at their first barrier, and are ended there. */
  bool found = stat(path, &stat_) == 0;
  if (!found && rank == 0) fail(path);
  if (stat_.st_size == 0) return 0;
  if (stat_.st_size >= 1ll << 31) return fprintf(stderr, "wordcount: %s is larger than 2 GiB\n", path), 1;
  size = (uint32_t)stat_.st_size;
  if (!(g = gshm_attach(NULL))) fail("attach");
  text = share("wordcount.text", size, "wordcount.text.made");
  if (!found) fail(path);
  uint64_t entries = (uint64_t)size + ranks;
  table = share("wordcount.table", sizeof *table + entries * sizeof *table->entries, "wordcount.table.made");

  read_part(path);
  barrier("wordcount.read");
  struct word *words = malloc((part(rank + 1) - part(rank) + 1) * sizeof *words);
  if (!words) fail("malloc");
  add_all(words, find_words(words));
  barrier("wordcount.counted");
  if (rank == 0) {
    print();
    gshm_unlink(g, "wordcount.text");
    gshm_unlink(g, "wordcount.table");
  }
  free(words);
  return gshm_detach(g) == 0 ? 0 : 1;
}
