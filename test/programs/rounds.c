/* rounds: goes through a barrier as often as it is told, and looks whether all the others have come each time.
 *
 *   rounds SEGMENT KEY PARTIES SLOT
 *
 * Everybody counts its episodes in its page of the segment before it comes: whoever goes on finds no smaller count
 * there than its own.
 * A line "N" on its standard input: N episodes; 0: it begins again at none. It answers "ok EPISODES", all of them; or
 * "err WHY" when the barrier fails. "wrong ...": somebody had not come: status 1. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gshm.h"

#define PAGE 4096

static volatile uint64_t *count_of(char *memory, unsigned slot) {
  return (volatile uint64_t *)(void *)(memory + (size_t)slot * PAGE);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  gshm *g = gshm_attach(NULL);
  unsigned parties = (unsigned)atoi(argv[3]), slot = (unsigned)atoi(argv[4]);
  gshm_segment *segment = g ? gshm_create(g, argv[1], (uint64_t)parties * PAGE, GSHM_OPEN_OR_CREATE) : NULL;
  char *memory = segment ? gshm_map(segment, NULL, 0, 0) : NULL;
  if (!memory) {
    printf("err %s\n", gshm_strerror(0));
    return 1;
  }
  volatile uint64_t *mine = count_of(memory, slot);
  uint64_t episodes = 0;
  printf("ready\n");
  fflush(stdout);
  for (char line[32]; fgets(line, sizeof line, stdin) != NULL;) {
    int failed = 0;
    if (atoi(line) == 0) *mine = episodes = 0;
    for (int n = atoi(line); n > 0 && !failed; n--) {
      *mine = ++episodes;
      failed = gshm_barrier(g, argv[2], parties) != 0;
      for (unsigned other = 0; other < parties && !failed; other++) {
        uint64_t seen = *count_of(memory, other);
        if (seen >= episodes) continue;
        printf("wrong: in episode %llu slot %u was at %llu\n", (unsigned long long)episodes, other, (unsigned long long)seen);
        fflush(stdout);
        _exit(1);
      }
    }
    if (failed) printf("err %s\n", gshm_strerror(0));
    else printf("ok %llu\n", (unsigned long long)episodes);
    fflush(stdout);
  }
  return gshm_detach(g) == 0 ? 0 : 1;
}
