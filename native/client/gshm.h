/* gshm.h: the C API of globalshm. Link with -lgshm (gshm flags prints the flags).
 *
 * A process attaches to its node's daemon, creates or opens named segments, maps them where it
 * likes, and uses the memory: page faults do the rest. Functions that return int give 0, or -1
 * with errno set; functions that return an address give 0 (or NULL) with errno set.
 * gshm_strerror() tells more about the calling thread's last failure, with the knob to turn.
 * Everything may be called from any thread. No call is a cancellation point (pthread_cancel).
 *
 * Errors are listed by their names in native/abi/errors.h. Whatever asks the daemon may fail besides
 * with DETACHED, DAEMON_LOST (it has ended), DESCRIPTORS (this process or the daemon has none left) and
 * SYSTEM (a system call failed; for want of memory: MEMORY). */
#ifndef GSHM_H
#define GSHM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GSHM_API __attribute__((visibility("default")))

typedef struct gshm gshm;                 /* an attached process: one per process */
typedef struct gshm_segment gshm_segment; /* an open segment */
typedef uint64_t gshm_addr;               /* a global address: the same on every node; 0 is none */

/* Sizes are bytes. */
typedef struct gshm_stat_t {
  uint32_t segment, mode, uid, gid;
  uint64_t size;           /* that it has now; a multiple of the page size */
  uint64_t heap_bytes;     /* allocated now, in heap_blocks blocks */
  uint64_t heap_blocks;
  uint64_t created_ms;     /* since the epoch */
  uint32_t linked;         /* 1: it has its name */
  uint32_t homes;          /* how many nodes share the pages out among them */
  uint32_t home;           /* the first page's; with one home, every page's */
  uint32_t unit;           /* bytes that the protocol keeps together */
  char consistency[16];
  char manager[16];
  char name[64];
  uint64_t max_size;       /* that it may have (gshm_resize) */
} gshm_stat_t;

/* Registers this process with the daemon of its node. `socket` is the daemon's device; NULL means
 * $GSHM_SOCKET, else the only node of the default cluster on this machine. A second attach returns
 * the same handle. Errors: NO_DAEMON, ACCESS (the socket), INVALID (its path is too long), ABI_VERSION,
 * NO_USERFAULTFD, NOT_USERFAULTFD, KERNEL_FEATURES, UNSUPPORTED (pages of another size), LIMIT.
 * A child of fork() is attached, too, and has the same segments open; it holds none of its parent's locks. */
GSHM_API gshm *gshm_attach(const char *socket);
/* Unmaps every view, closes every segment and ends the registration; locks held are released as by
 * death (the next holder gets EOWNERDEAD). What this process has written is known when it returns, in lrc
 * segments too. Whatever the answer, the handle is gone afterwards. Errors: DETACHED, SYSTEM. */
GSHM_API int gshm_detach(gshm *g);
/* This node's number, and how many nodes the cluster had at attach. */
GSHM_API uint32_t gshm_node(gshm *g);
GSHM_API uint32_t gshm_nodes(gshm *g);

#define GSHM_OPEN_OR_CREATE 1u
/* Creates a segment of `size` bytes (rounded up to pages); exclusive unless GSHM_OPEN_OR_CREATE,
 * when an existing one must have the same size, and the options that are default. Memory reads as zeros until written.
 * Errors: EXISTS, SIZE_MISMATCH, NAME_TOO_LONG, NAME_INVALID, INVALID (size or flags), MEMORY (more
 * than all nodes can hold, if each has this one's --memory), LIMIT (segment numbers are used up), NODE_LOST, ACCESS (it
 * exists, and its mode does not let this user read and write it). */
GSHM_API gshm_segment *gshm_create(gshm *g, const char *name, uint64_t size, unsigned flags);
/* What a segment is made with. Zero is the default of every field: set those you want by name, and
 * leave the others alone. With GSHM_OPEN_OR_CREATE an existing segment must have been made with the
 * same, but for a home that is left out. */
typedef struct gshm_options {
  const char *consistency; /* "srsw", "mrsw" (the default) or "lrc" */
  const char *manager;     /* "central": one node serialises all pages; "fixed" (the default): the homes
                              do, page by page; "dynamic": each page's owner does ("mrsw" only) */
  uint32_t unit;           /* bytes that the protocol keeps together: a power of two from 4096 (the
                              default) to 65536; the last unit of a segment ends with the segment */
  int64_t home;            /* GSHM_HOME(node): the home of all pages and of the heap. Default: all nodes
                              share the pages out; with "central" node 0 is it */
  uint64_t max_size;       /* bytes to which gshm_resize may grow it (rounded up to pages). Default: size.
                              Views show so much from the start; it costs nothing until it is used */
  uint32_t mode;           /* who besides its owner (the user who makes it) and root may have it: bits of 0777, as of
                              shmget(2). Default: 0600. Of one that exists it is not compared */
} gshm_options;
#define GSHM_HOME(node) ((int64_t)(node) < 0 ? (int64_t)(node) : (int64_t)(node) + 1)

/* As gshm_create; options may be NULL. Errors besides: OPTION_MISMATCH (it exists with another option),
 * INVALID (a word, unit, node, max_size or mode that is none, "dynamic" without "mrsw"). */
GSHM_API gshm_segment *gshm_create_with(gshm *g, const char *name, uint64_t size, unsigned flags,
                                        const gshm_options *options);
/* Opens an existing segment. flags must be 0 (O_RDONLY views: UNSUPPORTED). Errors: NOT_FOUND, ACCESS (its mode does
 * not let this user, as it was at gshm_attach, read and write it), NAME_TOO_LONG, NAME_INVALID, INVALID (other flags),
 * NODE_LOST. */
#define GSHM_READ_ONLY 1u
GSHM_API gshm_segment *gshm_open(gshm *g, const char *name, unsigned flags);
/* Closes the handle; its views stay until unmapped, and keep the memory. A segment that was opened
 * several times is closed by as many calls. Whatever the answer, the handle is gone. Errors: INVALID (NULL). */
GSHM_API int gshm_close(gshm_segment *s);
/* What is known of the segment of that name; nobody need have it open. Errors: NOT_FOUND, ACCESS (its mode does not
 * let this user read it), NAME_TOO_LONG, NAME_INVALID, INVALID (out is NULL), NODE_LOST (node 0, or the heap's). */
GSHM_API int gshm_stat(gshm *g, const char *name, gshm_stat_t *out);
/* The name goes; the memory stays until the last view anywhere closes. Errors: NOT_FOUND, ACCESS
 * (neither its owner nor root), NAME_TOO_LONG, NAME_INVALID, NODE_LOST. */
GSHM_API int gshm_unlink(gshm *g, const char *name);
/* The segment has `size` bytes (rounded up to its units) from now on, on every node, when this returns; any process
 * that has it open may do it. What it has more is zeros. What lies beyond the new end loses its bytes, and every access
 * there is SIGBUS (a system call's EFAULT) until it grows again: no view is mapped anew, on any node.
 * Errors: INVALID (0, NULL, or not open), BEYOND_END (more than max_size), BUSY (the heap has a block beyond it), MEMORY
 * (as in gshm_create), NOT_FOUND (it is gone), LIMIT (too many wait to resize it), NODE_LOST (node 0; or, to shrink, the
 * heap's: nothing has changed then on nodes that live, unless it was node 0: then some may have the new size). */
GSHM_API int gshm_resize(gshm_segment *s, uint64_t size);
/* Bytes that it has now, as this node's daemon knows (a question to it; when it is gone, what it last said) and may
 * have (no question), multiples of the page size; and its number in the cluster, the same on every node. All 0 for
 * NULL. */
GSHM_API uint64_t gshm_size(const gshm_segment *s);
GSHM_API uint64_t gshm_max_size(const gshm_segment *s);
GSHM_API uint32_t gshm_id(const gshm_segment *s);

/* Maps `length` bytes (0: to max_size) of the segment from `offset` at `address` (NULL: anywhere).
 * Beyond the size that the segment has at a time, accesses are SIGBUS.
 * Errors: MISALIGNED, BEYOND_END (max_size), OVERLAP (something is mapped there), INVALID (outside the address
 * space, or the segment is closed), LIMIT (views of a process), MEMORY. */
GSHM_API void *gshm_map(gshm_segment *s, void *address, uint64_t offset, uint64_t length);
/* Unmaps the view that starts at `view` (as gshm_map returned it), whatever part of it is left there;
 * parts that the program has moved away by mremap are its own to unmap. Errors: NOT_MAPPED; DESCRIPTORS (the view stays). */
GSHM_API int gshm_unmap(gshm *g, void *view);

/* Global address -> a pointer in this process (in the oldest view that shows it), and back; by the
 * views as gshm_map made them: what the program mremaps or munmaps itself is not known here.
 * Errors: NOT_MAPPED. */
GSHM_API void *gshm_pointer(gshm *g, gshm_addr address);
GSHM_API gshm_addr gshm_address(gshm *g, const void *pointer);
/* The global address of byte `offset` of a segment. Errors: BEYOND_END (max_size), INVALID (NULL). */
GSHM_API gshm_addr gshm_at(const gshm_segment *s, uint64_t offset);

/* The segment's heap: blocks of any size, 16-byte aligned, allocated by any process, freed by any; anywhere in the
 * segment, from offset 0 on, so what is kept at places that were not allocated belongs in another segment.
 * The metadata lies outside the segment: a program that writes beyond its block damages data, never the heap.
 * Small blocks (of up to 4096 bytes, in small segments up to 1024) come from spans, pieces of the segment that
 * one node has to itself: neither allocating nor freeing one asks anybody, where its node's process frees it,
 * and blocks that different nodes have allocated share no coherence unit. Others begin at a page.
 * Errors: HEAP_FULL, INVALID (size 0), NOT_ALLOCATED (not the start of an allocated block, or freed
 * already), NOT_MAPPED (realloc must move but either block is not in a view of this process), LIMIT
 * (blocks of a heap), NODE_LOST (the heap's, or the one that has the block's span). realloc keeps the old block when it fails. */
GSHM_API gshm_addr gshm_alloc(gshm_segment *s, uint64_t size);
GSHM_API gshm_addr gshm_realloc(gshm_segment *s, gshm_addr block, uint64_t size);
GSHM_API int gshm_free(gshm_segment *s, gshm_addr block);
/* What a block is to be besides; zero in a field: no matter. */
typedef struct gshm_alloc_options {
  uint64_t align; /* its address is a multiple of this power of two */
  int64_t home;   /* GSHM_HOME(node): the node is the home of its coherence units (lrc: the first one). Where
                     several nodes share the pages out among them, such a block has one unit at most */
  int apart;      /* not 0: no other block lies in its coherence units */
} gshm_alloc_options;
/* As gshm_alloc; options may be NULL. realloc does not keep what was asked for here. Errors besides: INVALID
 * (align, a node that is none), UNSUPPORTED (no unit of that node has such a block). */
GSHM_API gshm_addr gshm_alloc_with(gshm_segment *s, uint64_t size, const gshm_alloc_options *options);

/* What a lock or the like is called, on every node the same: by a name of 1 to 63 bytes, a number, or a global
 * address in a segment that this process has open (a lock that lies at a shared object; its state is not in the
 * segment). The three are different spaces. */
enum gshm_key_is { GSHM_BY_NAME = 1, GSHM_BY_NUMBER = 2, GSHM_BY_ADDRESS = 3 };
typedef struct gshm_key {
  uint32_t kind; /* enum gshm_key_is */
  uint64_t number;
  const char *name; /* read during the call only */
} gshm_key;
static inline gshm_key gshm_named(const char *name) {
  gshm_key key = {GSHM_BY_NAME, 0, name};
  return key;
}
static inline gshm_key gshm_numbered(uint64_t number) {
  gshm_key key = {GSHM_BY_NUMBER, number, NULL};
  return key;
}
static inline gshm_key gshm_located(gshm_addr address) {
  gshm_key key = {GSHM_BY_ADDRESS, address, NULL};
  return key;
}

/* How long a call may wait, in nanoseconds; 0: not at all. */
#define GSHM_FOREVER ((int64_t)-1)

/* Mutex locks across the cluster; not recursive; owned by the thread. On the node that used a lock last,
 * gshm_mutex_lock and gshm_mutex_unlock are an atomic instruction each; waiters get it in order, those of the holder's
 * node first, but for --lock-burst times only while another node waits.
 * gshm_mutex_lock: -1 with errno EOWNERDEAD means that the lock IS held, and its last holder died: the process, or the
 * thread, which had it when it ended.
 * Errors: BUSY (timeout_ns 0: others hold it, or come first), TIMEOUT, DEADLOCK (held by the caller), NOT_HOLDER,
 * NAME_TOO_LONG, NAME_INVALID, INVALID (a key or timeout that is none; an address in a segment that is not open),
 * LIMIT, NODE_LOST. */
GSHM_API int gshm_mutex_lock(gshm *g, gshm_key key, int64_t timeout_ns);
GSHM_API int gshm_mutex_unlock(gshm *g, gshm_key key);
/* A mutex that need not be looked up by its key each time; the same as that key's. Valid until gshm_detach.
 * Errors: LIMIT, INVALID, NAME_TOO_LONG, NAME_INVALID; else as above. */
typedef struct gshm_mutex gshm_mutex;
GSHM_API gshm_mutex *gshm_mutex_handle(gshm *g, gshm_key key);
GSHM_API int gshm_mutex_acquire(gshm_mutex *m, int64_t timeout_ns);
GSHM_API int gshm_mutex_release(gshm_mutex *m);
/* By name and by number, however long it takes. */
GSHM_API int gshm_lock(gshm *g, const char *name);
GSHM_API int gshm_unlock(gshm *g, const char *name);
GSHM_API int gshm_lock_n(gshm *g, uint64_t number);
GSHM_API int gshm_unlock_n(gshm *g, uint64_t number);
/* Waits until `count` callers across the cluster, 1 to 65,535, have arrived at the barrier of that key; it needs no
 * creation, and is used again and again. Who gives up takes its arrival back: it does not count any more, and the
 * others wait on, for another in its place. Whom all have come for before that is known has gone through, and gets 0. A
 * participant that dies breaks the barrier for all that wait, and for all that were in its last episode: those get
 * NODE_LOST, once, also when they come later. To die is to end without gshm_detach, exit() or a return from main.
 * Where the same processes meet again and again, one of each of two to eight nodes, in calls like gshm_barrier (without
 * flags or a time limit), they come to meet by TCP connections of their own, which their daemons make: that takes a
 * round trip of TCP, and changes nothing else.
 * flags: 0, or one of the two: how nodes tell each other that all are there. Each tells the barrier's manager, or in a
 * tree its parent, so that no node has more than four to listen to; with 0 as many nodes as came last time decide
 * (gshmd --barrier-tree). As whoever came last would have it, from the next time on; it changes nothing but the time
 * that it takes.
 * Errors: BARRIER_MISMATCH (others wait with another count), TIMEOUT, BUSY (timeout_ns 0, and it was not the last to
 * come), INVALID (a count, flag, key or timeout that is none; an address in a segment that is not open), NAME_TOO_LONG,
 * NAME_INVALID, LIMIT, NODE_LOST (a participant died or was lost). */
#define GSHM_BARRIER_CENTRAL 2u
#define GSHM_BARRIER_TREE 4u
GSHM_API int gshm_barrier_wait(gshm *g, gshm_key key, uint32_t count, unsigned flags, int64_t timeout_ns);
/* By name and by number, however long it takes. */
GSHM_API int gshm_barrier(gshm *g, const char *name, uint32_t count);
GSHM_API int gshm_barrier_n(gshm *g, uint64_t number, uint32_t count);

/* What follows lives at its key's manager, a node: each call is one message there and one back, and fails with NODE_LOST
 * when that node is lost. A lock, a semaphore, a condition and a counter of one key are different things. All of them tell
 * what was written before: whoever is let go on by a post, notify, signal or unlock sees what its caller wrote.
 * Errors of all, besides: NAME_TOO_LONG, NAME_INVALID, INVALID (a key, timeout or number that is none; an address in a
 * segment that is not open), LIMIT; of those that wait: TIMEOUT, and BUSY when timeout_ns is 0. */

/* Reader-writer locks, owned by the thread; not recursive. First come, first served: readers that stand together go
 * together, and a writer that waits holds back the readers behind it.
 * -1 with errno EOWNERDEAD means that the lock IS held, and a writer died; readers are told until a writer has been.
 * Errors: DEADLOCK (the caller holds it, or waits for it), NOT_HOLDER. */
GSHM_API int gshm_rwlock_read(gshm *g, gshm_key key, int64_t timeout_ns);
GSHM_API int gshm_rwlock_write(gshm *g, gshm_key key, int64_t timeout_ns);
GSHM_API int gshm_rwlock_unlock(gshm *g, gshm_key key);

/* Counting semaphores. gshm_semaphore_open makes it with so many units, up to 2^31 - 1, if there is none; it stays until it is
 * destroyed, and a process that dies takes with it what it has taken. Errors: NOT_FOUND (there is none); of post:
 * LIMIT (more units than 2^31 - 1), INVALID (0 units). */
GSHM_API int gshm_semaphore_open(gshm *g, gshm_key key, uint32_t initial);
GSHM_API int gshm_semaphore_wait(gshm *g, gshm_key key, int64_t timeout_ns);
GSHM_API int gshm_semaphore_post(gshm *g, gshm_key key, uint32_t units);
GSHM_API int gshm_semaphore_value(gshm *g, gshm_key key, uint32_t *units);

/* Condition variables. gshm_condition_wait gives the mutex back, waits, and takes it again, however long that takes; nobody
 * who changes what the mutex guards after that, and signals, is missed. It may return without a signal, so call it in
 * a loop. On failure with TIMEOUT, BUSY or OWNER_DEAD the mutex is held; with NOT_HOLDER it was not; with an error
 * of the mutex (NODE_LOST) it is not any more. */
GSHM_API int gshm_condition_wait(gshm *g, gshm_key condition, gshm_key mutex, int64_t timeout_ns);
GSHM_API int gshm_condition_signal(gshm *g, gshm_key key);
GSHM_API int gshm_condition_broadcast(gshm *g, gshm_key key);

/* A counter of 64 bits, which wrap. It begins with 0, and stays until it is destroyed. `before`: NULL, or where its
 * value before goes. */
GSHM_API int gshm_counter_add(gshm *g, gshm_key key, int64_t delta, int64_t *before);

/* Waits at a word of a mapped segment, across processes and nodes, as a futex does within one machine: sleeps if the word
 * has the expected value, until it is notified. Gives 0 (notified; perhaps for nothing, so look again), 1 (the word has
 * another value: in lrc segments this alone says nothing of other bytes, whose writer may not have notified yet), or -1. gshm_notify wakes up to `count` of those that wait there, the longest first, and gives how
 * many, or -1. Errors: MISALIGNED (no multiple of 4), NOT_MAPPED; of notify: INVALID (count 0). */
GSHM_API int gshm_wait(gshm *g, const uint32_t *word, uint32_t expected, int64_t timeout_ns);
GSHM_API int64_t gshm_notify(gshm *g, const uint32_t *word, uint32_t count);

/* Forgets what that key names. Of mutexes, reader-writer locks and conditions nothing stays that needs it, but for the
 * news of a holder's death; of barriers, how many came from which node last time. Errors: BUSY (held, or somebody waits), NOT_FOUND (a semaphore or counter that is not there),
 * INVALID (another kind). */
enum gshm_kind { GSHM_RWLOCK = 1, GSHM_SEMAPHORE = 2, GSHM_CONDITION = 3, GSHM_COUNTER = 5, GSHM_MUTEX = 6, GSHM_BARRIER = 7 };
GSHM_API int gshm_destroy(gshm *g, enum gshm_kind kind, gshm_key key);

/* Acquire and release by themselves, for programs that tell each other by other means than the above when
 * bytes are there (a pipe, a socket), and share them in an lrc segment. They are for [offset, offset +
 * length) of the segment (length 0: to its end), and concern the whole pages in it.
 * gshm_release returns when what any process of this node has written there is known wherever it
 * matters; gshm_acquire drops what others had made known there by then, so that the next access brings it.
 * In segments of another consistency, where every write is known at once, both do nothing and succeed.
 * Errors: BEYOND_END, INVALID (NULL, or the segment is not open). */
GSHM_API int gshm_acquire(const gshm_segment *s, uint64_t offset, uint64_t length);
GSHM_API int gshm_release(const gshm_segment *s, uint64_t offset, uint64_t length);

/* What went wrong in the calling thread's last failed call: "ERR_GSHM_NAME: text". Valid until the
 * thread's next failure. `error` is errno after that call, or 0; with another errno the answer is
 * strerror(error)'s. */
GSHM_API const char *gshm_strerror(int error);

#ifdef __cplusplus
}
#endif
#endif
