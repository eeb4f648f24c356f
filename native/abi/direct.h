/* direct.h: barriers at which processes meet by themselves.
 *
 * Where the same processes meet again and again, one of each node, their daemons give them TCP connections (lines)
 * in the reply to BARRIER: the root one to each of the others, each of the others one to the root. From the next
 * episode on each of the others sends the root its number, eight bytes, and the root, when it has all, sends that
 * back. No daemon is involved until one of them ends it (the page's state says so).
 *
 * An episode gets over for all or for none: that is decided by the root's page. The root changes its state from
 * "episode e" to "episode e, going" before it sends anything, and whoever ends it ends it in one of the two; in the
 * second the daemon sends what the root may not have sent any more: a number that comes twice means nothing. Then
 * the lines are shut: whoever waits finds their end behind all that was sent, and has the daemon meet for it, as
 * always.
 *
 * A process that breaks these rules breaks this barrier, for those who meet there. The daemon believes nothing of
 * it. */
#ifndef GSHM_ABI_DIRECT_H
#define GSHM_ABI_DIRECT_H

#include <stdint.h>

#define GSHM_DIRECT_MAX 8u /* processes that meet at one such barrier */

/* Memory that a process and its daemon share, one for each such barrier; its descriptor comes first, then the lines. */
struct gshm_direct_page {
  uint64_t state;  /* GSHM_DIRECT_CLOSED, and at the root the episode and whether it is going */
  uint64_t inside; /* a thread is on its way in an episode, or waits in it; it says so before it looks at the state */
};
#define GSHM_DIRECT_GOING 1ull
#define GSHM_DIRECT_CLOSED 2ull
#define GSHM_DIRECT_EPISODE_SHIFT 2 /* episodes are numbered from 1; 2^62 of them are enough */

static inline uint64_t gshm_direct_state(uint64_t episode) { return episode << GSHM_DIRECT_EPISODE_SHIFT; }

#endif
