/* device.h: the device protocol between libgshm and gshmd, its only definition.
 *
 * The socket that stands for the kernel module's device is AF_UNIX, SOCK_SEQPACKET: one frame per
 * packet, so a short or long packet is a malformed frame and nothing can lose step. Every frame
 * starts with gshm_frame; a request's body follows it, a reply (op | GSHM_REPLY, same serial)
 * carries its own body when status is 0 and a text (detail) otherwise. Little-endian, same host.
 *
 * A process has one or more connections ("channels"). On each at most one request is outstanding:
 * a thread takes an idle channel for the time of one call, so a thread that waits for a lock never
 * blocks another's call. The first frame on a connection must be HELLO. */
#ifndef GSHM_ABI_DEVICE_H
#define GSHM_ABI_DEVICE_H

#include <stdint.h>
#include "errors.h"
#include "page.h"

#define GSHM_ABI_VERSION 9u
#define GSHM_FRAME_MAX 1024u   /* bytes in any frame */
#define GSHM_DETAIL_MAX 512u   /* bytes of an error's text, not terminated */
#define GSHM_NAME_MAX 63u      /* bytes of a name, without the terminating zero */
#define GSHM_WORD_MAX 15u      /* the same of an option's word: consistency, manager */
#define GSHM_REPLY 0x8000u
#define GSHM_OFFSET_BITS 44    /* a global address: segment id << 44 | offset */

enum gshm_op {
  GSHM_OP_HELLO = 1, /* any kind of connection; REGISTER passes the userfaultfd */
  GSHM_OP_CREATE,    /* reply gshm_segment_info, passes the memfd to a registered process */
  GSHM_OP_OPEN,      /* as CREATE */
  GSHM_OP_CLOSE,     /* the handle goes; views keep the memory */
  GSHM_OP_STAT,
  GSHM_OP_UNLINK,
  GSHM_OP_MAP,       /* the range is mapped PROT_NONE by the client, registered by the daemon */
  GSHM_OP_ALLOC,
  GSHM_OP_REALLOC,
  GSHM_OP_FREE,
  GSHM_OP_LOCK,
  GSHM_OP_UNLOCK,
  GSHM_OP_BARRIER,
  GSHM_OP_FORK,      /* a fork is about to happen: gives it a number */
  GSHM_OP_INSPECT,   /* reply passes a memfd with JSON text */
  GSHM_OP_ACQUIRE,   /* what other nodes have made known is seen from the reply on */
  GSHM_OP_RELEASE,   /* replied to when what this node has written is known */
  GSHM_OP_HEAP,      /* reply passes the control pages of the segment's heap (heap_pages.h); none: it has no spans */
  GSHM_OP_SPAN,      /* a span for this process; HEAP_FULL: the heap has none left, but perhaps a block */
  GSHM_OP_ALLOC_WITH, /* reply as ALLOC */
  GSHM_OP_LOCK_PAGES, /* reply passes the memory of lock words (lock_words.h), or their bell */
  GSHM_OP_CANCEL,     /* no reply: the request under way on this connection is to wait no more; it is answered as
                         if it had timed out, if it waits still and is one that can be cancelled */
  GSHM_OP_OBJECT,    /* of a reader-writer lock, semaphore, condition, word or counter; or to destroy a barrier */
  GSHM_OP_RESIZE,    /* reply gshm_size_reply, when every node knows */
  GSHM_OP_SIZE,      /* the size that this node knows: no other node is asked */
  GSHM_OP_BYE,       /* no reply: this registration is about to end, as its process means it to. Who ends without it has died */
  GSHM_OP_UNMAP,     /* of a trapped process (trap.h): the range allows nothing any more, and is about to be unmapped */
  GSHM_OP_PARTED,    /* the process is in no episode of that barrier any more, and knows that it is closed (direct.h) */
  GSHM_OP_COUNT
};

enum gshm_hello_kind {
  GSHM_HELLO_REGISTER = 1, /* passes one fresh userfaultfd (UFFDIO_API not yet called). token: 0, or that of an ESTATE: it
                              has the same segments open */
  GSHM_HELLO_CHANNEL,      /* one more connection of the registered process `token` */
  GSHM_HELLO_FORKED,       /* the child of `token`, of its fork number `fork`; the reply passes a
                              duplicate of the child's userfaultfd */
  GSHM_HELLO_VISITOR,      /* no memory: STAT, UNLINK, INSPECT only */
  GSHM_HELLO_USERFAULTFD,  /* the reply passes a descriptor of /dev/userfaultfd, with which the caller makes the one
                              that it registers with; another hello may follow. NO_USERFAULTFD: the daemon has none */
  GSHM_HELLO_TRAPPED,      /* as REGISTER, without a userfaultfd: the reply passes the memory of trap.h and its bell */
  GSHM_HELLO_ESTATE,       /* the registered process `token` is about to fork a child that will register (REGISTER, TRAPPED)
                              with the reply's token, and then has the same segments open, whoever has ended meanwhile. It
                              stands as long as this connection, which has no other use */
};

enum gshm_key_kind { GSHM_KEY_NAME = 1, GSHM_KEY_NUMBER = 2, GSHM_KEY_ADDRESS = 3 };

#define GSHM_CREATE_OR_OPEN 1u /* gshm_create_request.flags */
#define GSHM_ALLOC_APART 1u    /* gshm_alloc_with_request.flags: no other block in its coherence units */
#define GSHM_OPEN_READ_ONLY 1u /* gshm_open_request.flags: GSHM_E_UNSUPPORTED for now */

struct gshm_frame {
  uint32_t length; /* of the whole frame, this header included */
  uint16_t op;
  uint16_t reserved;
  uint32_t serial;
  int32_t status; /* enum gshm_error; 0 in requests */
};

struct gshm_hello_request {
  uint32_t abi, kind;
  uint64_t token; /* CHANNEL, ESTATE: own token; FORKED: the parent's; REGISTER, TRAPPED: 0, or an estate's */
  uint64_t fork;
};
struct gshm_hello_reply {
  uint64_t token;
  uint32_t node, nodes, page_size, reserved;
  char cluster[GSHM_NAME_MAX + 1];
  char node_name[GSHM_NAME_MAX + 1];
};

struct gshm_create_request { /* zero in an option: the default (gshm.h, gshm_options) */
  uint64_t size;
  uint32_t flags, mode;
  uint32_t unit;
  uint32_t home; /* a node's number + 1 */
  char consistency[GSHM_WORD_MAX + 1];
  char manager[GSHM_WORD_MAX + 1];
  char name[GSHM_NAME_MAX + 1];
  uint64_t max_size; /* to which it may grow; 0: size */
};
struct gshm_open_request {
  uint32_t flags, reserved;
  char name[GSHM_NAME_MAX + 1];
};
struct gshm_name_request { /* STAT, UNLINK */
  char name[GSHM_NAME_MAX + 1];
};
struct gshm_segment_info {
  uint32_t segment, mode, uid, gid;
  uint64_t size;        /* bytes that it has now, a multiple of the page size */
  uint64_t heap_bytes;  /* allocated now (STAT; 0 in CREATE and OPEN) */
  uint64_t heap_blocks;
  uint64_t created_ms;  /* since the epoch */
  uint32_t linked;      /* 0 once unlinked */
  uint32_t homes;       /* how many nodes share the pages out among them */
  uint32_t home;        /* the first page's; with one home, every page's */
  uint32_t unit;        /* bytes that the protocol keeps together */
  char consistency[GSHM_WORD_MAX + 1];
  char manager[GSHM_WORD_MAX + 1];
  char name[GSHM_NAME_MAX + 1];
  uint64_t max_size;    /* what frames and views have from the start: size is 1 to max_size */
};
struct gshm_close_request {
  uint32_t segment, reserved;
};
struct gshm_map_request {
  uint32_t segment, reserved;
  uint64_t address, offset, length;
};
struct gshm_unmap_request {
  uint64_t address, length;
};
struct gshm_alloc_request {
  uint32_t segment, reserved;
  uint64_t size;
};
struct gshm_realloc_request {
  uint32_t segment, reserved;
  uint64_t offset, size;
};
struct gshm_free_request {
  uint32_t segment, reserved;
  uint64_t offset;
};
struct gshm_block_reply { /* ALLOC and REALLOC */
  uint64_t offset;   /* of the block; after a REALLOC that could not grow in place, of a new block:
                        the client copies and then frees the old one */
  uint64_t size;     /* usable bytes at offset */
  uint64_t old_size; /* REALLOC: usable bytes of the old block */
};
struct gshm_key_frame { /* of a lock or barrier; names, numbers and addresses are different spaces */
  uint32_t kind, reserved;
  uint64_t number; /* ADDRESS: the global address, in a segment that is open */
  char name[GSHM_NAME_MAX + 1];
};
struct gshm_lock_request { /* LOCK, UNLOCK */
  struct gshm_key_frame key;
  uint64_t holder; /* lock_words.h: thread id, or GSHM_WORD_ASYNC and a number */
  uint32_t flags;  /* LOCK: GSHM_LOCK_TRY; UNLOCK: GSHM_LOCK_DIED */
  uint32_t reserved;
};
#define GSHM_LOCK_TRY 1u /* GSHM_E_BUSY where it would have to wait for another holder */
#define GSHM_LOCK_DIED 2u /* the thread that holds the lock has ended: the next holder is told */
struct gshm_lock_reply {   /* to LOCK; passes a page and a line (lock_line.h), if `line` says so */
  uint32_t slot;       /* of its word, in the lock pages of its segment (of an ADDRESS) or of names and numbers;
                          GSHM_NO_SLOT: it has none, and is given back by UNLOCK */
  uint32_t generation;
  uint32_t owner_died; /* 1: the last holder died holding it */
  uint32_t line;       /* 1: from now on it may be passed on, and come, by that line */
};
#define GSHM_NO_SLOT 0xFFFFFFFFu
enum gshm_lock_pages_what { GSHM_LOCK_MEMORY = 0, GSHM_LOCK_BELL = 1 };
struct gshm_lock_pages_request {
  uint32_t segment; /* 0: of names and numbers */
  uint32_t what;    /* enum gshm_lock_pages_what: of which the descriptor is passed */
};
struct gshm_lock_pages_reply {
  uint32_t process; /* this process's number, in words */
  uint32_t reserved;
};
struct gshm_barrier_request {
  struct gshm_key_frame key;
  uint32_t count;
  uint32_t flags;
  uint64_t parted; /* 0, or the barrier that this thread was to meet the others at by itself, in vain (direct.h) */
};
#define GSHM_BARRIER_TRY 1u /* GSHM_E_BUSY, and it does not count, unless it is the last to come */
#define GSHM_BARRIER_SHAPE_CENTRAL 2u /* one of these, or neither: as many nodes as come decide */
#define GSHM_BARRIER_SHAPE_TREE 4u
#define GSHM_BARRIER_DIRECT 8u /* the caller can meet the others by itself from now on, if the daemons have it so */
struct gshm_barrier_reply { /* passes the page and the lines (direct.h), if there are any */
  uint64_t number; /* 0: there are none; else the daemon's for that barrier */
  uint32_t lines;
  uint32_t root;   /* 1: this process */
};
struct gshm_parted_request {
  uint64_t number;
};
/* The kinds of objects and what may be asked of them: ts/base/objects.ts says which of which, and what for. */
#define GSHM_OBJECT_KINDS(X) X(RWLOCK, "rwlock") X(SEMAPHORE, "semaphore") X(CONDITION, "condition") X(WORD, "word") X(COUNTER, "counter") X(BARRIER, "barrier")
#define GSHM_OBJECT_DEEDS(X)                                                                      \
  X(READ, "read") X(WRITE, "write") X(UNLOCK, "unlock") X(TAKE, "take") X(POST, "post")            \
  X(VALUE, "value") X(WATCH, "watch") X(SLEEP, "sleep") X(UNWATCH, "unwatch") X(NOTIFY, "notify")  \
  X(ADD, "add") X(DESTROY, "destroy")
enum gshm_object_kind {
  GSHM_OBJECT_NONE = 0,
#define X(kind, name) GSHM_OBJECT_##kind,
  GSHM_OBJECT_KINDS(X)
#undef X
};
enum gshm_object_deed {
  GSHM_DEED_NONE = 0,
#define X(deed, name) GSHM_DEED_##deed,
  GSHM_OBJECT_DEEDS(X)
#undef X
};
#define GSHM_OBJECT_TRY 1u /* gshm_object_request.flags: GSHM_E_BUSY where it would have to wait for others */
struct gshm_object_request {
  struct gshm_key_frame key;
  uint32_t kind, deed; /* enum gshm_object_kind, enum gshm_object_deed */
  uint64_t holder;     /* READ, WRITE, UNLOCK: as in gshm_lock_request */
  int64_t value;       /* POST, NOTIFY: how many; SLEEP, UNWATCH: the watch; ADD: what */
  int64_t initial;     /* of a semaphore that there is not yet: what it begins with; -1: there must be one */
  uint32_t flags, reserved;
};
struct gshm_object_reply {
  int64_t value;       /* VALUE, ADD (before), NOTIFY (how many were woken), WATCH (its number) */
  uint32_t owner_died; /* 1: the last writer died holding the lock, which the caller holds now */
  uint32_t reserved;
};
struct gshm_range_request { /* ACQUIRE, RELEASE */
  uint32_t segment, reserved;
  uint64_t offset, length; /* length 0: to the segment's end. All three 0: every byte of every segment */
};
struct gshm_heap_request { /* HEAP */
  uint32_t segment, reserved;
};
struct gshm_heap_reply {
  uint64_t chunks;     /* from the segment's start; 0: no spans */
  uint32_t span_bytes; /* a power of two */
  uint32_t reserved;
};
struct gshm_span_request { /* SPAN */
  uint32_t segment, class_number; /* heap_pages.h */
};
struct gshm_span_reply {
  uint32_t chunk, generation;
};
struct gshm_alloc_with_request {
  uint32_t segment, flags;
  uint64_t size;
  uint64_t align; /* a power of two; 0: any */
  uint32_t home;  /* a node's number + 1; 0: any */
  uint32_t reserved;
};
struct gshm_resize_request {
  uint32_t segment, reserved;
  uint64_t size; /* 1 to the segment's max_size; rounded up to units */
};
struct gshm_size_request {
  uint32_t segment, reserved;
};
struct gshm_size_reply { /* RESIZE and SIZE */
  uint64_t size;
};
struct gshm_fork_reply {
  uint64_t fork;
};
struct gshm_inspect_request {
  uint32_t what; /* enum gshm_inspect */
  uint32_t reserved;
  char name[GSHM_NAME_MAX + 1]; /* PAGES */
};
enum gshm_inspect {
  GSHM_INSPECT_STATUS = 1,
  GSHM_INSPECT_SEGMENTS,
  GSHM_INSPECT_PAGES,
  GSHM_INSPECT_PROCESSES,
  GSHM_INSPECT_LOCKS, /* of all nodes */
  GSHM_INSPECT_TRACE, /* name: on, off (by root and the daemon's user), or empty: what was traced */
};
struct gshm_inspect_reply {
  uint64_t length; /* bytes of JSON in the memfd */
};

#endif
