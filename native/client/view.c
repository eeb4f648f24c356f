/* view.c: the list of this process's views, and what it answers: pointer <-> global address.
 *
 * It speaks of views as gshm_map made them. What a program does to them by itself (munmap, mremap)
 * the daemon learns and this list does not; a later view in the same place cuts the older one. */
#include <stdlib.h>
#include <string.h>

#include "client/process.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct gshm_piece *pieces; /* by start; they never overlap */
static size_t count, room, reserved;
static uint64_t last_id;

int gshm_view_reserve(void) {
  int result = 0;
  pthread_rwlock_wrlock(&lock);
  /* One piece may be cut in two by another that takes its middle. */
  if (count + 2 * (reserved + 1) > room) {
    size_t more = room ? room * 2 : 16;
    struct gshm_piece *grown = realloc(pieces, more * sizeof *grown);
    if (grown) {
      pieces = grown;
      room = more;
    } else {
      result = gshm_fail_system("malloc", ENOMEM);
    }
  }
  if (result == 0) reserved++;
  pthread_rwlock_unlock(&lock);
  return result;
}

bool gshm_view_none(void) {
  pthread_rwlock_rdlock(&lock);
  bool none = count == 0;
  pthread_rwlock_unlock(&lock);
  return none;
}

/* The first piece that ends after `address`. */
static size_t first_after(uintptr_t address) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (pieces[middle].end <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void insert(size_t at, struct gshm_piece piece) {
  memmove(pieces + at + 1, pieces + at, (count - at) * sizeof *pieces);
  pieces[at] = piece;
  count++;
}

static void remove_at(size_t at) {
  count--;
  memmove(pieces + at, pieces + at + 1, (count - at) * sizeof *pieces);
}

/* Forgets [start, end): something else is mapped there now. */
static void cut(uintptr_t start, uintptr_t end) {
  size_t at = first_after(start);
  while (at < count && pieces[at].start < end) {
    struct gshm_piece old = pieces[at];
    remove_at(at);
    if (old.start < start) {
      struct gshm_piece before = old;
      before.end = start;
      before.beyond = 0;
      insert(at++, before);
    }
    if (old.end > end) {
      struct gshm_piece after = old;
      after.offset += end - old.start;
      after.start = end;
      insert(at++, after);
    }
  }
}

void gshm_view_add(struct gshm_piece piece) {
  pthread_rwlock_wrlock(&lock);
  reserved--;
  if (piece.start < piece.end) { /* an empty one only gives its reservation back */
    cut(piece.start, piece.end);
    piece.id = ++last_id;
    insert(first_after(piece.start), piece);
  }
  pthread_rwlock_unlock(&lock);
}

bool gshm_view_take(uintptr_t view, uint64_t id, struct gshm_piece *out) {
  bool found = false;
  pthread_rwlock_wrlock(&lock);
  for (size_t at = view ? first_after(view) : 0; at < count && !found; at++) {
    if (view && pieces[at].view != view) continue;
    if (id && pieces[at].id != id) continue;
    *out = pieces[at];
    remove_at(at);
    found = true;
  }
  pthread_rwlock_unlock(&lock);
  return found;
}

/* The piece that shows byte `offset`: of several the oldest view's, which is the likeliest to stay. */
static const struct gshm_piece *find_offset(uint32_t segment, uint64_t offset) {
  const struct gshm_piece *found = NULL;
  for (const struct gshm_piece *piece = pieces; piece < pieces + count; piece++) {
    if (piece->segment != segment || offset < piece->offset) continue;
    if (offset - piece->offset >= piece->end - piece->start) continue;
    if (!found || piece->id < found->id) found = piece;
  }
  return found;
}

bool gshm_view_copy(uint32_t segment, uint64_t to, uint64_t from, uint64_t length, bool look) {
  bool shown = true;
  pthread_rwlock_rdlock(&lock);
  while (length > 0) {
    const struct gshm_piece *source = find_offset(segment, from), *target = find_offset(segment, to);
    shown = source && target;
    if (!shown) break;
    uintptr_t read = source->start + (from - source->offset), write = target->start + (to - target->offset);
    uint64_t part = length;
    if (part > source->end - read) part = source->end - read;
    if (part > target->end - write) part = target->end - write;
    if (!look) memcpy((void *)write, (const void *)read, part);
    from += part;
    to += part;
    length -= part;
  }
  pthread_rwlock_unlock(&lock);
  return shown;
}

static bool find_pointer(uintptr_t pointer, struct gshm_piece *out) {
  pthread_rwlock_rdlock(&lock);
  size_t at = first_after(pointer);
  bool found = at < count && pieces[at].start <= pointer;
  if (found) *out = pieces[at];
  pthread_rwlock_unlock(&lock);
  return found;
}

uintptr_t gshm_view_covering(uintptr_t pointer, uint64_t length) {
  struct gshm_piece piece;
  if (!find_pointer(pointer, &piece) || length > piece.end - pointer) return 0;
  return piece.view;
}

void *gshm_pointer(gshm *g, gshm_addr address) {
  if (gshm_check(g) != 0) return NULL;
  uint64_t offset = address & ((1ull << GSHM_OFFSET_BITS) - 1);
  pthread_rwlock_rdlock(&lock);
  const struct gshm_piece *piece = find_offset((uint32_t)(address >> GSHM_OFFSET_BITS), offset);
  void *pointer = piece ? (void *)(piece->start + (offset - piece->offset)) : NULL;
  pthread_rwlock_unlock(&lock);
  if (pointer) return pointer;
  gshm_fail(GSHM_E_NOT_MAPPED, "no view of this process shows global address 0x%llx", (unsigned long long)address);
  return NULL;
}

gshm_addr gshm_address(gshm *g, const void *pointer) {
  if (gshm_check(g) != 0) return 0;
  struct gshm_piece piece;
  if (find_pointer((uintptr_t)pointer, &piece))
    return (uint64_t)piece.segment << GSHM_OFFSET_BITS | (piece.offset + ((uintptr_t)pointer - piece.start));
  gshm_fail(GSHM_E_NOT_MAPPED, "no view of this process is at %p", pointer);
  return 0;
}

void gshm_view_fork_prepare(void) { pthread_rwlock_wrlock(&lock); }
void gshm_view_fork_parent(void) { pthread_rwlock_unlock(&lock); }
/* Initialised again, because the lock remembers the parent's thread as its holder. */
void gshm_view_fork_child(void) {
  pthread_rwlock_init(&lock, NULL);
  reserved = 0;
}
