/* keeper.h: what gshmd tells its keeper, the only definition.
 *
 * One SEQPACKET socket, one gshm_keeper_message a packet, no answers: a packet that has been sent
 * is in the keeper's queue with its descriptors, and survives the daemon. The end of the daemon is
 * the end of the stream. The keeper needs no views: it can wake whatever waits on a userfaultfd,
 * and learns from each fault where it is. */
#ifndef GSHM_ABI_KEEPER_H
#define GSHM_ABI_KEEPER_H

#include <stdint.h>

#define GSHM_KEEPER_SOCKET 3 /* the descriptor on which the keeper finds its end */

enum gshm_keeper_kind {
  GSHM_KEEPER_ADD_CHANNEL = 1, /* passes a userfaultfd, then a pidfd if its process is known;
                                  an id that exists is replaced */
  GSHM_KEEPER_DROP_CHANNEL,
  GSHM_KEEPER_ADD_FRAMES, /* passes a segment's memfd; id: the segment */
  GSHM_KEEPER_DROP_FRAMES,
  GSHM_KEEPER_ADD_LOCKS,  /* passes the memfd of lock words (lock_words.h); id: their segment, or 0 */
  GSHM_KEEPER_DROP_LOCKS,
  GSHM_KEEPER_ADD_TRAPPED, /* as ADD_CHANNEL, with the memfd of trap.h in place of a userfaultfd */
  GSHM_KEEPER_KIND_COUNT
};

struct gshm_keeper_message {
  uint32_t kind, reserved;
  uint64_t id;
};

#endif
