/* map.c: views come and go. The daemon learns of unmapping by userfaultfd's events alone. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "client/process.h"
#include "client/trap.h"

static bool aligned(uint64_t value) { return value % GSHM_PAGE_SIZE == 0; }

/* PROT_NONE, so that no thread can reach a frame before its faults are trapped. */
static void *reserve_range(const gshm_segment *s, void *address, uint64_t offset, uint64_t length, bool inside) {
  int flags = MAP_SHARED | MAP_NORESERVE | (inside ? MAP_FIXED : address ? MAP_FIXED_NOREPLACE : 0);
  void *at = mmap(address, length, PROT_NONE, flags, s->memfd, (off_t)offset);
  if (at != MAP_FAILED) {
    madvise(at, length, MADV_NOHUGEPAGE); /* an error means that the kernel has no such pages */
    return at;
  }
  if (errno == EEXIST)
    gshm_fail(GSHM_E_OVERLAP, "gshm_map: something is mapped in the %llu bytes at %p", (unsigned long long)length,
              address);
  else if (errno == EPERM) gshm_fail(GSHM_E_INVALID, "gshm_map: address %p is below vm.mmap_min_addr", address);
  else gshm_fail_system("mmap", errno);
  return NULL;
}

static int check_range(const gshm_segment *s, void *address, uint64_t offset, uint64_t *length) {
  unsigned long long from = offset;
  if (!aligned((uintptr_t)address) || !aligned(offset) || !aligned(*length))
    return gshm_fail(GSHM_E_MISALIGNED, "gshm_map: address %p, offset %llu and length %llu must be multiples of %u",
                     address, from, (unsigned long long)*length, GSHM_PAGE_SIZE);
  if (offset >= s->max_size || *length > s->max_size - offset)
    return gshm_fail(GSHM_E_BEYOND_END, "gshm_map: offset %llu, length %llu end beyond the segment's %llu bytes", from,
                     (unsigned long long)*length, (unsigned long long)s->max_size);
  if (*length == 0) *length = s->max_size - offset;
  if ((uintptr_t)address >= GSHM_ADDRESS_END || *length > GSHM_ADDRESS_END - (uintptr_t)address)
    return gshm_fail(GSHM_E_INVALID, "gshm_map: address %p is outside the address space", address);
  return 0;
}

int gshm_map_tell(uint32_t segment, uintptr_t at, uint64_t offset, uint64_t length) {
  struct gshm_map_request body = {.segment = segment, .address = at, .offset = offset, .length = length};
  struct gshm_exchange x = {.op = GSHM_OP_MAP, .body = &body, .body_size = sizeof body};
  return gshm_request_fork_held(&x);
}

/* From here on faults are the daemon's. */
static int open_range(const gshm_segment *s, void *at, uint64_t offset, uint64_t length) {
  if (gshm_map_tell(s->id, (uintptr_t)at, offset, length) != 0) return -1;
  return mprotect(at, length, PROT_READ | PROT_WRITE) == 0 ? 0 : gshm_fail_system("mprotect", errno);
}

/* It stays closed: the handler opens pages of it. */
static int trap_range(const gshm_segment *s, void *at, uint64_t offset, uint64_t length) {
  uintptr_t start = (uintptr_t)at;
  if (gshm_trap_install() != 0) return -1;
  if (madvise(at, length, MADV_DONTFORK) != 0) return gshm_fail_system("madvise", errno);
  if (gshm_trap_range_add(start, start + length, s->id, s->memfd, offset) != 0) return -1;
  if (gshm_map_tell(s->id, start, offset, length) == 0) return 0;
  int error = errno;
  gshm_trap_range_remove(start, start + length);
  errno = error;
  return -1;
}

/* A range that stays somebody's: private zeros, in place of whatever is there, without a hole in between. */
static int clear_range(uintptr_t start, uintptr_t end) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  if (mmap((void *)start, end - start, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED) return 0;
  return gshm_fail_system("mmap", errno);
}

int gshm_forbid_range(uintptr_t start, uintptr_t end) {
  if (start == end) return 0;
  int empty = memfd_create("gshm:beyond", MFD_CLOEXEC);
  if (empty < 0) return gshm_fail_system("memfd_create", errno);
  void *at = mmap((void *)start, end - start, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, empty, 0);
  int error = errno;
  close(empty);
  return at != MAP_FAILED ? 0 : gshm_fail_system("mmap", error);
}

/* Where and what, as checked; `room` of gshm_map_inside, else 0. */
static void *map(gshm_segment *s, void *address, uint64_t offset, uint64_t length, uint64_t room) {
  if (gshm_check(&gshm_self) != 0 || gshm_view_reserve() != 0) return NULL;
  struct gshm_piece piece = {.offset = offset, .segment = s->id, .device = s->device, .inode = s->inode};
  void *at = reserve_range(s, address, offset, length, room > 0);
  int (*serve)(const gshm_segment *, void *, uint64_t, uint64_t) = gshm_trap_is_on() ? trap_range : open_range;
  uintptr_t end = (uintptr_t)at + length;
  if (at && ((room && gshm_forbid_range(end, end + room - length) != 0) || serve(s, at, offset, length) != 0)) {
    int error = errno;
    if (room) clear_range((uintptr_t)at, (uintptr_t)at + room);
    else munmap(at, length);
    errno = error;
    at = NULL;
  }
  if (at) {
    piece.view = piece.start = (uintptr_t)at;
    piece.end = end;
    piece.inside = room > 0;
    piece.beyond = room ? room - length : 0;
  }
  gshm_view_add(piece);
  return at;
}

static void *map_checked(gshm_segment *s, void *address, uint64_t offset, uint64_t length, uint64_t room) {
  if (check_range(s, address, offset, &length) != 0) return NULL;
  if (room && length > room) {
    gshm_fail(GSHM_E_BEYOND_END, "gshm_map: the segment's %llu bytes do not fit in %llu", (unsigned long long)length,
              (unsigned long long)room);
    return NULL;
  }
  /* A child forked meanwhile would inherit a range that is half a view. */
  pthread_rwlock_rdlock(&gshm_self.fork_lock);
  void *at = map(s, address, offset, length, room);
  pthread_rwlock_unlock(&gshm_self.fork_lock);
  return at;
}

void *gshm_map(gshm_segment *s, void *address, uint64_t offset, uint64_t length) {
  if (s) return map_checked(s, address, offset, length, 0);
  gshm_fail(GSHM_E_INVALID, "gshm_map: the segment is NULL");
  return NULL;
}

void *gshm_map_inside(gshm_segment *s, void *address, uint64_t room) { return map_checked(s, address, 0, 0, room); }

struct range {
  uintptr_t start, end;
};

/* What one line of /proc/self/maps shows of a piece (or, anywhere, of its segment): true and the
 * range, or false. */
static bool part_of(const char *line, const struct gshm_piece *piece, bool anywhere, struct range *part) {
  unsigned long from, to, offset, inode;
  unsigned device_major, device_minor;
  if (sscanf(line, "%lx-%lx %*s %lx %x:%x %lu", &from, &to, &offset, &device_major, &device_minor, &inode) != 6)
    return false;
  if (inode != piece->inode || makedev(device_major, device_minor) != piece->device) return false;
  *part = (struct range){from, to};
  if (anywhere) return true;
  if (part->start < piece->start) part->start = piece->start;
  if (part->end > piece->end) part->end = piece->end;
  return part->start < part->end &&
         offset + (part->start - from) == piece->offset + (part->start - piece->start);
}

/* NULL with the error set: where no descriptor is left, say. */
static FILE *open_maps(void) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) gshm_fail_system("/proc/self/maps", errno);
  return maps;
}

/* What is mapped of a piece now: the program may have unmapped or moved parts, and others may be
 * mapped there since. Calls `change` on each range; 0, or -1 with the error set (`maps` is NULL: by open_maps). */
static int each_range(FILE *maps, const struct gshm_piece *piece, bool anywhere, int (*change)(struct range)) {
  if (!maps) return -1;
  rewind(maps);
  struct range *found = NULL;
  size_t count = 0, room = 0;
  char *line = NULL;
  size_t line_size = 0;
  int result = 0;
  while (getline(&line, &line_size, maps) > 0) {
    struct range range;
    if (!part_of(line, piece, anywhere, &range)) continue;
    if (count == room) {
      struct range *grown = realloc(found, (room = room * 2 + 4) * sizeof *found);
      if (!grown) {
        result = gshm_fail_system("malloc", ENOMEM);
        break;
      }
      found = grown;
    }
    found[count++] = range;
  }
  free(line);
  for (size_t i = 0; i < count; i++)
    if (change(found[i]) != 0) result = -1;
  free(found);
  return result;
}

static int unmap_range(struct range range) {
  if (munmap((void *)range.start, range.end - range.start) == 0) return 0;
  return gshm_fail_system("munmap", errno);
}

/* There are no events that would tell the daemon. When it cannot be told, it is gone. */
static void untrap(const struct gshm_piece *piece) {
  gshm_trap_range_remove(piece->start, piece->end);
  struct gshm_unmap_request body = {.address = piece->start, .length = piece->end - piece->start};
  struct gshm_exchange x = {.op = GSHM_OP_UNMAP, .body = &body, .body_size = sizeof body};
  gshm_request_fork_held(&x);
}

/* Threads may be at it. */
static int unmap_inside(const struct gshm_piece *piece) {
  if (!gshm_trap_is_on()) return clear_range(piece->start, piece->end + piece->beyond);
  gshm_trap_swap_begin();
  untrap(piece);
  int result = clear_range(piece->start, piece->end + piece->beyond);
  gshm_trap_swap_settle();
  /* What was granted before, and carried out only now. */
  if (result == 0 && mprotect((void *)piece->start, piece->end - piece->start, PROT_READ | PROT_WRITE) != 0)
    result = gshm_fail_system("mprotect", errno);
  gshm_trap_swap_end();
  return result;
}

int gshm_unmap_piece(const struct gshm_piece *piece) {
  if (piece->inside) return unmap_inside(piece);
  if (gshm_trap_is_on()) untrap(piece); /* which leaves a descriptor free */
  FILE *maps = open_maps();
  int result = each_range(maps, piece, false, unmap_range);
  if (maps) fclose(maps);
  return result;
}

static int break_range(struct range range) {
  return gshm_forbid_range(range.start, range.end) == 0 ? 0 : unmap_range(range);
}

void gshm_break_views(void) {
  struct gshm_piece piece;
  FILE *maps = open_maps();
  while (gshm_view_take(0, 0, &piece)) each_range(maps, &piece, true, break_range);
  if (maps) fclose(maps);
}

int gshm_unmap(gshm *g, void *view) {
  if (gshm_check(g) != 0 && !gshm_self.attached) return -1;
  /* Where no descriptor is left the view stays as it is. */
  FILE *maps = gshm_trap_is_on() ? NULL : open_maps();
  if (maps) fclose(maps);
  else if (!gshm_trap_is_on()) return -1;
  struct gshm_piece piece = {0};
  if (!view || !gshm_view_take((uintptr_t)view, 0, &piece))
    return gshm_fail(GSHM_E_NOT_MAPPED, "gshm_unmap: no view starts at %p", view);
  int result = 0;
  do {
    if (gshm_unmap_piece(&piece) != 0) result = -1;
  } while (gshm_view_take((uintptr_t)view, piece.id, &piece));
  return result;
}
