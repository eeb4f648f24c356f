/* alternate NAME PAGES: reads every other page of the segment and writes the others, so that neighbours allow different things, twice
 * over; then prints how many pages had what they should, and how many mappings the process has. */
#include <errno.h>
#include <gshm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096

static long mappings(void) {
  FILE *maps = fopen("/proc/self/maps", "re");
  long lines = 0;
  for (int c; maps && (c = fgetc(maps)) != EOF;) lines += c == '\n';
  if (maps) fclose(maps);
  return lines;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: alternate NAME PAGES\n"), 2;
  long pages = atol(argv[2]), right = 0, most = 0;
  gshm *g = gshm_attach(NULL);
  gshm_segment *s = g ? gshm_create(g, argv[1], (uint64_t)pages * PAGE, GSHM_OPEN_OR_CREATE) : NULL;
  volatile char *at = s ? gshm_map(s, NULL, 0, 0) : NULL;
  if (!at) return fprintf(stderr, "%s\n", gshm_strerror(errno)), 1;
  for (int round = 1; round <= 2; round++) {
    for (long page = 0; page < pages; page++) {
      volatile long *word = (volatile long *)(at + page * PAGE);
      if (page % 2) *word += page;
      else right += *word == 0;
      if (page % 8192 == 0) {
        long now = mappings();
        if (now > most) most = now;
      }
    }
  }
  for (long page = 1; page < pages; page += 2) right += *(volatile long *)(at + page * PAGE) == 2 * page;
  printf("right %ld mappings %ld\n", right, most);
  return gshm_detach(g);
}
