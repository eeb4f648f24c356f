/* lock_line.h: a mutex that goes to and fro between one process of each of two nodes.
 *
 * Their daemons give each of the two one end of a TCP connection (a line), in a reply to LOCK. Whoever gives the
 * mutex back while the other node wants it, and finds GSHM_WORD_LINE in its word (lock_words.h), leaves the word free,
 * with that flag, and writes the number of the turn for which the other node awaits the token to the line, eight bytes.
 * Who waits there finds that, and its own word awaited of that turn, and changes the word to itself: it holds the
 * mutex, and no daemon has had a part in that.
 *
 * It is a short cut, and no more. The token goes its way from daemon to daemon all the same, afterwards, and what
 * becomes of the lock is decided there: a daemon that finds a word passed on hands the token to the node that it was
 * recalled for, and one that finds that the lock has been taken already when the token comes has nothing left to do. So
 * a process, a line or a daemon may end at any point: what has not come by the line comes by the daemons. A turn that
 * is not awaited any more means nothing.
 *
 * A process that breaks these rules breaks this mutex on its node. The daemon believes nothing of it. */
#ifndef GSHM_ABI_LOCK_LINE_H
#define GSHM_ABI_LOCK_LINE_H

#include <stdint.h>

/* Memory that a process and its daemon share, one for each line, written by the daemon before it sets the flag in the
 * word; its descriptor comes first, then the line's. */
struct gshm_lock_line_page {
  uint64_t passes; /* as which turn of the other node the mutex is passed on */
  uint64_t awaits; /* which turn is awaited here, */
  uint64_t holder; /* and by whom */
  uint64_t closed; /* 1: the daemon has ended the line */
};

#endif
