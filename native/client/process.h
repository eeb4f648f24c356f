/* process.h: what libgshm knows of its own process, and the locks that guard it.
 *
 * Locks, in the order in which they are taken: lifecycle, segments, heaps, those of lock.c and direct.c, fork, views,
 * channels. The `fork` lock is held for reading wherever a half-done change must not be copied into a child, and for
 * writing across fork(). The lock that somebody waits for a daemon's answer with is one of the first six; the daemon
 * never waits for a client, so such waits end. */
#ifndef GSHM_CLIENT_PROCESS_H
#define GSHM_CLIENT_PROCESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "abi/device.h"
#include "client/error.h"
#include "client/exchange.h"
#include "client/gshm.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
struct gshm; /* its fields are C's */
#else
/* The one attachment of this process. It is never freed: late callers find `attached` false. */
struct gshm {
  pthread_mutex_t lifecycle; /* attach, detach, fork */
  pthread_mutex_t segments_lock;
  pthread_rwlock_t fork_lock;
  _Atomic bool attached;
  _Atomic bool lost; /* a forked child that its daemon does not know */
  char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
  uint64_t token;
  uint32_t node, nodes;
  int userfaultfd; /* a third copy beside the daemon's and the keeper's: see docs/ARCHITECTURE.md; -1: trap.h */
  struct gshm_segment *segments;
  _Atomic bool writes_lazily; /* an lrc segment has been opened since attach: detach releases */
};
#endif
extern struct gshm gshm_self;

/* attach.c: registers this process on a fresh connection, with a userfaultfd of its own, or (trapped) with the traps of trap.h.
 * parent: 0, or the token of the process that it has been forked from, whose segments it has open. 0, or -1 with the error set. */
int gshm_register(int connection, uint64_t parent, bool trapped);

/* userfaultfd.c: one of this process's own: as it may, or with what the daemon at the other end of `connection`, which
 * need not have said hello, hands over. A descriptor, or -1: NO_USERFAULTFD when it is refused either way, and what a
 * request may fail with. */
int gshm_userfaultfd_obtain(int connection);

/* What the daemon knows this process by, another one after every attach; 0: it is not attached. */
uint64_t gshm_registration(void);

/* NULL or a handle that is not attached any more: -1 with DETACHED. */
int gshm_check(const gshm *g);

/* channel.c: a request on any connection of this process. 0, or -1 with the error set. */
int gshm_request(const struct gshm_exchange *x);
/* The same where the caller holds fork_lock. */
int gshm_request_fork_held(const struct gshm_exchange *x);
/* Waits for the reply that this thread is owed, if it is: before its next request, and before it ends. */
void gshm_channel_settle(void);
/* Makes `connection` (said hello on) one of the pool. */
int gshm_channel_add(int connection);
/* The daemon is told that the registration ends as this process means it to; it is not waited for, and nobody else
 * is. */
void gshm_channel_bye(void);
/* Ends every connection; threads that wait on one find it closed. */
void gshm_channel_end_all(void);
/* False: the daemon has ended, or this process is not attached. */
bool gshm_channel_is_up(void);
void gshm_channel_fork_prepare(void);
void gshm_channel_fork_parent(void);
void gshm_channel_fork_child(void);

/* segment.c */
struct gshm_segment {
  struct gshm_segment *next;
  unsigned handles; /* how often it has been opened and not closed */
  int memfd;
  dev_t device; /* of the memfd, as /proc/self/maps shows them */
  ino_t inode;
  uint32_t id;
  uint64_t size; /* when it was last heard of: gshm_size */
  uint64_t max_size;
  bool lazy; /* its consistency is lrc */
  struct gshm_heap *heap; /* NULL until it is first used; read and set atomically */
};
/* The open segment of that number, or NULL with INVALID. */
struct gshm_segment *gshm_segment_find(uint32_t id);
int gshm_resize_segment(uint32_t id, uint64_t size);
void gshm_segment_forget_all(void);
/* Checks and copies a name of 1 to GSHM_NAME_MAX bytes. */
int gshm_copy_name(char into[GSHM_NAME_MAX + 1], const char *name, const char *what);

/* spans.c: small blocks, from spans that this process owns (abi/heap_pages.h). */
struct gshm_heap;
/* The segment's heap as this process knows it, or NULL with the error set. It is the segment's, and goes with it. */
struct gshm_heap *gshm_heap_of(struct gshm_segment *s);
void gshm_heap_forget(struct gshm_heap *heap);
/* Blocks of 1 to so many bytes lie in spans; 0: the segment is too small for any. */
uint32_t gshm_heap_block_max(const struct gshm_heap *heap);
/* A block's offset, or UINT64_MAX: no span has room, or an error is set, which is then told in *failed. */
uint64_t gshm_span_alloc(const struct gshm_segment *s, struct gshm_heap *heap, uint64_t size);
enum gshm_span_free {
  GSHM_SPAN_FREED,
  GSHM_SPAN_NOT_ALLOCATED,
  GSHM_SPAN_NONE, /* the offset is in no span of this node: the daemon knows */
};
enum gshm_span_free gshm_span_free(const struct gshm_heap *heap, uint64_t offset);
/* Usable bytes of the block; 0: none is allocated there, or not in a span of this node (*none tells). */
uint32_t gshm_span_usable(const struct gshm_heap *heap, uint64_t offset, bool *none);
/* Across fork(), with segments_lock held. The child owns none of its parent's spans. */
void gshm_heap_fork_prepare(void);
void gshm_heap_fork_parent(void);
void gshm_heap_fork_child(void);

/* view.c: the views as gshm_map made them, cut where later ones took their place. */
struct gshm_piece {
  uintptr_t start, end;
  uintptr_t view; /* where the view began that this is a piece of */
  uint64_t id;    /* of that view: addresses are used again, even while gshm_unmap is at work */
  uint64_t offset;
  uint32_t segment;
  dev_t device;
  ino_t inode;
  uint64_t beyond; /* bytes after `end` that came with gshm_map_inside */
  bool inside;     /* gshm_map_inside: the addresses stay their owner's when the view goes */
};
bool gshm_view_none(void);
int gshm_view_reserve(void); /* room for one gshm_view_add, which then cannot fail */
void gshm_view_add(struct gshm_piece piece);
/* Takes a piece out of the list: one of the view that starts at `view` (0: of any view), or, when id
 * is not 0, of the view of that id. false when there is none. */
bool gshm_view_take(uintptr_t view, uint64_t id, struct gshm_piece *out);
/* Copies bytes of a segment, through whatever views show the two places, or with `look` only says
 * whether it could. Views do not go meanwhile. false: some byte is in no view. */
bool gshm_view_copy(uint32_t segment, uint64_t to, uint64_t from, uint64_t length, bool look);
/* The view that has all of [pointer, pointer + length), or 0. */
uintptr_t gshm_view_covering(uintptr_t pointer, uint64_t length);
void gshm_view_fork_prepare(void);
void gshm_view_fork_parent(void);
void gshm_view_fork_child(void);

/* map.c: every access to the range gets SIGBUS: it lies beyond the end of an empty file. 0, or -1 with the error set. */
int gshm_forbid_range(uintptr_t start, uintptr_t end);
/* The daemon learns of a view. 0, or -1 with the error set. */
int gshm_map_tell(uint32_t segment, uintptr_t at, uint64_t offset, uint64_t length);
/* A view of the whole segment over the first bytes of [address, address + room), which belongs to somebody who
 * keeps it (V8, for a WebAssembly.Memory). What is there goes. Beyond max_size accesses are SIGBUS. When the view goes,
 * by gshm_unmap or gshm_detach, the range is private zeros at once, and at no time a hole: other threads may use it, and
 * nobody else may get it. The owner must not give the range back before that. Errors: as gshm_map; BEYOND_END (no room). */
void *gshm_map_inside(gshm_segment *s, void *address, uint64_t room);
/* Unmaps what is left of a piece. */
int gshm_unmap_piece(const struct gshm_piece *piece);
/* Makes every access to global memory SIGBUS, wherever the program has moved its views. */
void gshm_break_views(void);

/* sync.c: what this node has written, in every segment, becomes known. */
int gshm_release_all(void);
/* barrier.c: gshm_barrier_wait, which another thread may end (cancel: NULL or that). */
int gshm_barrier_as(gshm_key key, uint32_t count, unsigned flags, int64_t timeout_ns, struct gshm_cancel *cancel);

/* fork.c */
int gshm_fork_watch(void);

/* find_socket.c: the device socket that attach uses when it is told none. */
int gshm_find_socket(char *into, size_t size);

/* inspect.c: what visitors may ask (no attachment needed). */
/* The JSON text (malloc'ed, terminated) of an inspection; NULL with the error set. */
char *gshm_inspect(const char *socket, uint32_t what, const char *name);
int gshm_visitor_unlink(const char *socket, const char *name);

#ifdef __cplusplus
}
#endif
#endif
