/* exchange.h: one request and its reply on one connection to the daemon. */
#ifndef GSHM_CLIENT_EXCHANGE_H
#define GSHM_CLIENT_EXCHANGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What ends the wait for a reply: another thread (gshm_cancel). Zeroed, it is new. */
struct gshm_cancel {
  pthread_mutex_t lock;
  int connection; /* + 1; 0: no request is under way */
  bool cancelled;
};
#define GSHM_CANCEL_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, 0, false}

/* What may make the reply needless while it is waited for. Its user's struct begins with it. */
struct gshm_early {
  int fd;                           /* polled for bytes; -1: no more */
  bool (*came)(struct gshm_early *); /* there are some: true ends the wait */
};

struct gshm_exchange {
  uint16_t op;
  const void *body; /* the request's, as device.h defines it */
  size_t body_size;
  const int *pass;  /* NULL, or a descriptor to pass (it stays the caller's) */
  void *reply;      /* where the reply's body goes: exactly reply_size bytes */
  size_t reply_size;
  int *received;    /* NULL: no descriptor is expected; else where it goes, close-on-exec */
  unsigned *received_count; /* NULL: one is expected; else up to received_max are, and this tells how many came */
  unsigned received_max;
  bool waits;       /* for what other processes do: it leaves connections for requests that do not */
  bool may_lack;    /* it may come without one: *received stays as it was */
  uint64_t patience_ns; /* 0: as long as it takes; else the daemon is told then to wait no more, which it answers
                           with TIMEOUT, or with what came first */
  struct gshm_cancel *cancel; /* NULL, or who may end the wait sooner */
  struct gshm_early *early;   /* NULL; not beside `cancel` */
};

enum { GSHM_EXCHANGED = 0, GSHM_REFUSED = 1, GSHM_EARLY = 2, GSHM_BROKEN = -1 };
/* Blocks until the reply is there. GSHM_EXCHANGED; GSHM_REFUSED: the daemon answered with an error,
 * which is the thread's last error now; GSHM_BROKEN: the connection is of no use any more (error set:
 * DAEMON_LOST, BAD_FRAME, DESCRIPTORS). GSHM_EARLY: `early` came first, and the reply is to come yet. */
int gshm_exchange(int connection, uint32_t serial, const struct gshm_exchange *x);
/* Waits for a reply that is needless. false: the connection is of no use any more. */
bool gshm_exchange_drop(int connection);

/* Says what has no body and no reply. That fails when the daemon is gone, which the wait for an answer will see. flags:
 * sendmsg's. */
void gshm_say(int connection, uint16_t op, int flags);

/* The request that waits with `cancel`, now or later, waits no more. From any thread. */
void gshm_cancel(struct gshm_cancel *cancel);

/* Says hello on a fresh connection; fills the ABI's number in. `pass` and `received` as in gshm_exchange. */
int gshm_say_hello(int connection, struct gshm_hello_request hello, const int *pass, int *received,
                   struct gshm_hello_reply *reply);
/* The same for a process that traps its own faults (trap.h): received[0], the memory, and received[1], the bell. */
int gshm_say_hello_trapped(int connection, uint64_t parent, int received[2], struct gshm_hello_reply *reply);

/* A connection to the device socket `path`: a descriptor, or -1 with NO_DAEMON, ACCESS, DESCRIPTORS. */
int gshm_connect(const char *path);

#ifdef __cplusplus
}
#endif
#endif
