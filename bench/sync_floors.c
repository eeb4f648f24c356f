/* sync_floors: what the kernel and C alone cost, for the benchmark of synchronisation to be held against.
 *
 *   sync_floors COUNT
 *
 * Prints one JSON object, p50 in microseconds: `mutex`, lock and unlock of a process-shared pthread mutex that nobody
 * else wants; `handOver` of one between two processes (alternate.h); `chain`, of 64 bytes from one process to another
 * by way of two more (chain.h); `message`, a TCP round trip over loopback, 64 bytes each way; `ask`, one by a unix
 * socket of the device's kind. Where the processes run is the caller's affair. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "alternate.h"
#include "chain.h"
#include "measure.h"
#include "round_trips.h"

/* One pair is too short for the clock. */
#define BATCH 100
/* A hand-over has a pause. */
#define HAND_OVERS_MAX 200

static struct shared {
  pthread_mutex_t mutex;
  struct meeting meeting, chained;
} *shared;

static int take(void) { return (errno = pthread_mutex_lock(&shared->mutex)) == 0 ? 0 : -1; }
static int give(void) { return (errno = pthread_mutex_unlock(&shared->mutex)) == 0 ? 0 : -1; }
static const struct lock_calls calls = {.lock = take, .unlock = give};

static double mutex(int count, double *samples) {
  for (int i = 0; i < count; i++) {
    double before = now_us();
    for (int n = 0; n < BATCH; n++)
      if (take() != 0 || give() != 0) die("pthread_mutex");
    samples[i] = (now_us() - before) / BATCH;
  }
  return median(samples, count);
}

static double hand_over(int count, double *samples) {
  if (take() != 0) die("pthread_mutex_lock");
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (alternate(&shared->meeting, &calls, child != 0, 0, count, samples) != 0) die("alternate");
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  return median(samples, count);
}

int main(int argc, char **argv) {
  int count = argc == 2 ? atoi(argv[1]) : 0;
  if (count < 1 || count > 1000000) {
    fprintf(stderr, "usage: sync_floors COUNT (1 to 1000000)\n");
    return 2;
  }
  double *samples = malloc(sizeof *samples * (size_t)count);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t attributes;
  if (samples == NULL || shared == MAP_FAILED) die("memory");
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->mutex, &attributes);
  double uncontended = mutex(count, samples);
  int hand_overs = count < HAND_OVERS_MAX ? count : HAND_OVERS_MAX;
  double handed_over = hand_over(hand_overs, samples);
  double chained = chain(&shared->chained, hand_overs, samples);
  printf("{\"mutex\":%.4f,\"handOver\":%.3f,\"chain\":%.3f,\"message\":%.3f,\"ask\":%.3f}\n", uncontended, handed_over, chained,
         tcp_round_trip(64, count, samples), device_round_trip(count, samples));
  free(samples);
  return 0;
}
