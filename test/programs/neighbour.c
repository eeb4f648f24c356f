/* neighbour: writes every odd byte of the first page of a file, over and over, and notices when a
 * byte is not what it has written last.
 *
 *   neighbour FILE
 *
 * FILE is mapped shared: page 0 is written, the first word of page 1 counts the rounds. Prints "ready"
 * after the first round; a line (or the end) of standard input ends it: "ROUNDS LOST", LOST being how
 * many times a byte was not what it should be. */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

int main(int argc, char **argv) {
  int fd = argc == 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
  volatile uint8_t *bytes = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED) {
    perror("neighbour FILE");
    return 1;
  }
  volatile uint64_t *counter = (volatile uint64_t *)(bytes + PAGE);
  uint64_t rounds = 0, lost = 0;
  for (int i = 1; i < PAGE; i += 2) bytes[i] = 0;
  for (struct pollfd end = {.fd = 0, .events = POLLIN}; poll(&end, 1, 0) == 0; *counter = ++rounds) {
    for (int i = 1; i < PAGE; i += 2) {
      if (bytes[i] != (uint8_t)rounds) lost++;
      bytes[i] = (uint8_t)(rounds + 1);
    }
    if (rounds == 0) puts("ready"), fflush(stdout);
  }
  printf("%llu %llu\n", (unsigned long long)rounds, (unsigned long long)lost);
  return 0;
}
