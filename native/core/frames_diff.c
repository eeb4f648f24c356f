/* frames_diff.c: diffs of frames, and diffs into frames. See frames.h and diff.h.
 *
 * The frame may be written by local processes all the while, so it is read once, into memory of our
 * own, and a patch never writes a byte back that it has only read. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "diff.h"
#include "frames.h"

/* A run by pwrite takes 0.6 us, by a mapping any number of them 6.0 us (mmap, populate, munmap),
 * measured here: they meet at 10 runs. `npm run bench -- diff` measures it again, patchWaysUs. */
#define RUNS_BY_WRITES 9u

static int within(const struct gshm_frames *frames, uint64_t page, size_t bytes) {
  if (!gshm_diff_unit_ok(bytes) || page >= frames->pages) return 0;
  return bytes / GSHM_PAGE_SIZE <= frames->pages - page;
}

/* Whether one of the pages that reads as zeros is a hole: what was there is lost, not changed. */
static int is_freed(const struct gshm_frames *frames, uint64_t page, const uint8_t *now, size_t bytes) {
  static const uint8_t zeros[GSHM_PAGE_SIZE];
  for (size_t at = 0; at < bytes; at += GSHM_PAGE_SIZE, page++) {
    if (memcmp(now + at, zeros, GSHM_PAGE_SIZE) == 0 && gshm_frames_present(frames, page, 1) == 0) return 1;
  }
  return 0;
}

int gshm_frames_diff(const struct gshm_frames *frames, uint64_t page, const uint8_t *twin, size_t bytes,
                     uint8_t *out, size_t *length) {
  uint8_t now[GSHM_DIFF_UNIT_MAX];
  if (!within(frames, page, bytes)) return -EINVAL;
  ssize_t got;
  do got = pread(frames->fd, now, bytes, (off_t)(page * GSHM_PAGE_SIZE));
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  if ((size_t)got != bytes) return -EIO;
  *length = gshm_diff_encode(now, twin, bytes, out);
  return *length > 0 && is_freed(frames, page, now, bytes) ? -ENODATA : 0;
}

int gshm_frames_patch_by_writes(const struct gshm_frames *frames, uint64_t page, const uint8_t *diff,
                                size_t length) {
  struct gshm_diff_run run;
  for (size_t at = 0; gshm_diff_next_run(diff, length, &at, &run);) {
    ssize_t put;
    do put = pwrite(frames->fd, run.bytes, run.length, (off_t)(page * GSHM_PAGE_SIZE + run.offset));
    while (put < 0 && errno == EINTR);
    if (put < 0) return -errno;
    if ((size_t)put != run.length) return -EIO;
  }
  return 0;
}

/* The one place where the daemon has a frame in its memory, for as long as it stores (law 8): this
 * mapping is registered with no userfaultfd, so it never waits for the daemon. Populating first makes
 * an error of what would be SIGBUS, a hole on a host without memory; what is left of that is a hole
 * that a local process punches between these two calls, on such a host. */
int gshm_frames_patch_by_mapping(const struct gshm_frames *frames, uint64_t page, const uint8_t *diff,
                                 size_t length, size_t bytes) {
  void *unit = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, frames->fd, (off_t)(page * GSHM_PAGE_SIZE));
  if (unit == MAP_FAILED) return -errno;
  int result = madvise(unit, bytes, MADV_POPULATE_WRITE) == 0 ? 0 : -errno;
  if (result == 0) gshm_diff_apply(diff, length, unit, bytes);
  munmap(unit, bytes);
  return result;
}

static int has_few_runs(const uint8_t *diff, size_t length) {
  if (!gshm_diff_has_runs(diff, length)) return 0;
  struct gshm_diff_run run;
  unsigned runs = 0;
  for (size_t at = 0; gshm_diff_next_run(diff, length, &at, &run);) {
    if (++runs > RUNS_BY_WRITES) return 0;
  }
  return 1;
}

int gshm_frames_patch(const struct gshm_frames *frames, uint64_t page, const uint8_t *diff, size_t length,
                      size_t bytes) {
  if (!within(frames, page, bytes)) return -EINVAL;
  if (gshm_diff_check(diff, length, bytes) != 0) return -EBADMSG;
  if (has_few_runs(diff, length)) return gshm_frames_patch_by_writes(frames, page, diff, length);
  return gshm_frames_patch_by_mapping(frames, page, diff, length, bytes);
}
