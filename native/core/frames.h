/* frames.h: a segment's frames on this node, the pages of one sealed memfd.
 *
 * Registered processes map the same memfd; a page that is present here can be mapped into them, a
 * hole is a page that this node does not have. `page` and `count` are in pages of GSHM_PAGE_SIZE bytes.
 * Functions give 0 or a negative errno; EINVAL for a page beyond the end, or none. */
#ifndef GSHM_CORE_FRAMES_H
#define GSHM_CORE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "abi/page.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GSHM_FRAMES_MAX (1ull << 32) /* pages: 16 TiB */
#define GSHM_FRAMES_ZERO_MAX 16u     /* pages: a coherence unit of 64 KiB */

struct gshm_frames {
  int fd;          /* -1 once closed */
  uint64_t pages;
};

/* Creates a sparse memfd of `pages` pages, sealed against resizing. `name` shows in /proc. */
int gshm_frames_open(struct gshm_frames *frames, const char *name, uint64_t pages);
void gshm_frames_close(struct gshm_frames *frames);

/* Reads pages; a hole reads as zeros and stays a hole. */
int gshm_frames_copy_out(const struct gshm_frames *frames, uint64_t page, uint64_t count, void *into);
/* Writes pages, allocating them. ENOSPC, ENOMEM: the host has no memory for them. */
int gshm_frames_copy_in(const struct gshm_frames *frames, uint64_t page, uint64_t count, const void *from);
/* Makes pages present, all zeros: GSHM_FRAMES_ZERO_MAX of them at most, else EINVAL. */
int gshm_frames_zero(const struct gshm_frames *frames, uint64_t page, uint64_t count);
/* Frees pages: every mapping of them loses them at once; raises no event anywhere. */
int gshm_frames_punch(const struct gshm_frames *frames, uint64_t page, uint64_t count);
/* 1 when the kernel holds a frame for each of the pages, 0 when one is a hole, or a negative errno. */
int gshm_frames_present(const struct gshm_frames *frames, uint64_t page, uint64_t count);
/* How many pages the kernel holds. */
int gshm_frames_resident(const struct gshm_frames *frames, uint64_t *pages);

/* A coherence unit of `bytes` (core/diff.h) that begins at `page` against its twin: writes the diff to
 * `out`, which has room for GSHM_DIFF_BYTES_MAX(bytes), and its length in bytes to *length. Processes
 * may be writing: a store that comes during the call may miss this diff, and then makes the next one.
 * EINVAL also for no such unit. ENODATA: the diff would be zeros from a page that is a hole: a local
 * process has freed it. */
int gshm_frames_diff(const struct gshm_frames *frames, uint64_t page, const uint8_t *twin, size_t bytes,
                     uint8_t *out, size_t *length);
/* Stores what a diff has changed, and no other byte: local processes may be writing those. The frame
 * must be present: a hole becomes zeros with the diff in them. EBADMSG: gshm_diff_check refuses the
 * diff, nothing was stored. EINVAL also for no such unit; ENOSPC, ENOMEM, EFAULT: the host has no
 * memory for a frame that was a hole. */
int gshm_frames_patch(const struct gshm_frames *frames, uint64_t page, const uint8_t *diff, size_t length,
                      size_t bytes);
/* The two ways of gshm_frames_patch, for the benchmark that finds which is faster for how many runs;
 * of a checked diff, within the end. By writes: only in runs mode. */
int gshm_frames_patch_by_writes(const struct gshm_frames *frames, uint64_t page, const uint8_t *diff,
                                size_t length);
int gshm_frames_patch_by_mapping(const struct gshm_frames *frames, uint64_t page, const uint8_t *diff,
                                 size_t length, size_t bytes);

/* A memfd that holds `length` bytes of `text`, sealed against change, read position 0: for passing
 * an answer of any length. Gives the descriptor or a negative errno. */
int gshm_text_fd(const char *name, const void *text, uint64_t length);

#ifdef __cplusplus
}
#endif
#endif
