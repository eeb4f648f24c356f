/* facts_subject.h: the processes on which facts.c experiments: each maps the frames, registered, and
 * has threads that do one deed at a time and may sleep in it. Orders and ends go through memory that
 * all share; a thread waits for its next order in a read of an eventfd, so that whoever writes there has
 * made it runnable by the time that the write returns. */
#ifndef GSHM_TESTBED_FACTS_SUBJECT_H
#define GSHM_TESTBED_FACTS_SUBJECT_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/page.h"

#define LAB_PAGES 4 /* of frames; one more is mapped, beyond the file's end */
#define LAB_VIEWS 3 /* two processes; the third is the child that one of them may fork */
#define LAB_THREADS 3

enum deed { LOAD, STORE, KERNEL_LOAD, KERNEL_STORE, DONTNEED, REMOVE, UNMAP, FORK, HAMMER, DISOWN };

struct slot {
  int go;     /* eventfd: an order is there */
  int source; /* memfd: what the kernel's own accesses read and write beside the page */
  enum deed deed;
  int page;
  uint64_t value;
  _Atomic int thread; /* its id; 0: not there yet */
  _Atomic int ended;
  int error; /* of the deed: 0, an errno, or a signal's number, negative */
};

struct lab {
  struct slot slots[LAB_VIEWS][LAB_THREADS];
  _Atomic int stop; /* for HAMMER */
  _Atomic uint64_t hammered[LAB_VIEWS];
  int uffd[2]; /* the subjects' own numbers of them */
  int frames;
};

#define LAB_BASE ((char *)0x600000000000)
#define LAB_BYTES ((size_t)(LAB_PAGES + 1) * GSHM_PAGE_SIZE)

/* What subject `view` is from its fork on: opens its userfaultfd, maps, and works until it is killed. */
void subject_main(struct lab *lab, int view) __attribute__((noreturn));

#endif
