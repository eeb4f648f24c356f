/* trap.h: memory that gshmd shares with a process that has no userfaultfd, the only definition.
 *
 * Such a process traps its own faults (mprotect, SIGSEGV). What a userfaultfd would do is split in two: a thread that
 * faults takes a slot, says where it faulted, rings the bell (an eventfd) and waits for the answer, which it carries out
 * itself (mprotect); and a service thread of libgshm carries out orders, by which the daemon takes access away.
 * Each may be granted a range and lose it again before it has looked: so the daemon gives no order while a grant that it
 * has written is not confirmed (the slot leaves GSHM_TRAP_GRANT).
 *
 * The process can write all of it. The daemon believes nothing that it reads here: it counts for itself which slots it has
 * to answer and which access it has granted, and whoever answers no order in time is killed. Futexes are shared ones. */
#ifndef GSHM_ABI_TRAP_H
#define GSHM_ABI_TRAP_H

#include <stdint.h>

#define GSHM_TRAP_NAME "gshm-trap" /* of the memfd, in /proc/PID/maps */
#define GSHM_TRAP_SLOTS 256u       /* threads that fault at once; a further one waits for a slot */
#define GSHM_TRAP_WORDS (GSHM_TRAP_SLOTS / 64u)

enum gshm_trap_state {
  GSHM_TRAP_FREE = 0,
  GSHM_TRAP_TAKEN,   /* its thread fills it in */
  GSHM_TRAP_POSTED,  /* the daemon's turn */
  GSHM_TRAP_GRANT,   /* the thread's: it makes from..from+length accessible and says so by going on */
  GSHM_TRAP_AWAITED, /* the same, and the daemon sleeps until it has done so */
  GSHM_TRAP_RETRY,   /* the access is to be tried again */
  GSHM_TRAP_BUS,     /* the access gets SIGBUS */
};

enum gshm_trap_access { GSHM_TRAP_NONE = 0, GSHM_TRAP_READ = 1, GSHM_TRAP_WRITE = 2 };

struct gshm_trap_range {
  uint64_t from, length;
  uint32_t access; /* enum gshm_trap_access */
  uint32_t reserved;
};

struct gshm_trap_slot {
  uint32_t state; /* enum gshm_trap_state; a futex */
  uint32_t thread;
  uint64_t address;
  uint32_t write; /* of the fault */
  uint32_t reserved;
  struct gshm_trap_range grant;
};

struct gshm_trap_order {
  uint32_t given; /* a futex: changes with every order */
  uint32_t done;  /* a futex: the last order that was carried out */
  struct gshm_trap_range range; /* never more access than the pages had */
  int32_t result; /* 0 or a negative errno: some page may still allow more than that */
  uint32_t reserved;
};

struct gshm_trap_page {
  uint32_t dead; /* the daemon is: every access to global memory gets SIGBUS from now on */
  uint32_t dark; /* the service thread has seen that, and no view allows anything; a futex */
  uint32_t freed; /* a futex: changes when a slot becomes free that somebody waited for */
  uint32_t crowd; /* threads that wait for a slot */
  struct gshm_trap_order order;
  uint64_t posted[GSHM_TRAP_WORDS]; /* slots that the daemon has not looked at since they were posted */
  struct gshm_trap_slot slots[GSHM_TRAP_SLOTS];
};

#endif
