/* holdings.h: the descriptors that the keeper holds. */
#ifndef GSHM_KEEPER_HOLDINGS_H
#define GSHM_KEEPER_HOLDINGS_H

#include <stddef.h>
#include <stdint.h>

struct channel {
  uint64_t id;
  int uffd;
  int pidfd; /* -1: the process is not known */
};

/* A process that traps its own faults. */
struct trapped {
  uint64_t id;
  int memory; /* of abi/trap.h */
  int pidfd;
  struct gshm_trap_page *page; /* mapped when the daemon is dead */
};

struct frames {
  uint64_t segment;
  int fd;
};

struct lock_words {
  uint64_t segment;
  int fd;
};

struct holdings {
  struct channel *channel;
  size_t channels, channel_room;
  struct trapped *trapped;
  size_t trapped_count, trapped_room;
  struct frames *frames;
  size_t segments, segment_room;
  struct lock_words *locks;
  size_t lock_sets, lock_room;
};

/* Each takes ownership of its descriptors; an id that is held already is replaced. Out of memory
 * ends the program: it could not keep its promise. */
void holdings_add_channel(struct holdings *held, uint64_t id, int uffd, int pidfd);
void holdings_add_trapped(struct holdings *held, uint64_t id, int memory, int pidfd);
void holdings_add_frames(struct holdings *held, uint64_t segment, int fd);
void holdings_add_locks(struct holdings *held, uint64_t segment, int fd);
/* Closing; unknown ids are ignored. A channel: of either kind. */
void holdings_drop_channel(struct holdings *held, uint64_t id);
void holdings_drop_frames(struct holdings *held, uint64_t segment);
void holdings_drop_locks(struct holdings *held, uint64_t segment);
struct channel *holdings_channel(struct holdings *held, uint64_t id);

#endif
