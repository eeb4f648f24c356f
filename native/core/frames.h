/* frames.h: a segment's frames on this node, the pages of one sealed memfd.
 *
 * Registered processes map the same memfd; a page that is present here can be mapped into them, a
 * hole is a page that this node does not have. `page` and `count` are in pages of 4096 bytes.
 * Functions give 0 or a negative errno; EINVAL for a page beyond the end. */
#ifndef GSHM_CORE_FRAMES_H
#define GSHM_CORE_FRAMES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GSHM_FRAME_SIZE 4096u
#define GSHM_FRAMES_MAX (1ull << 32) /* pages: 16 TiB */

struct gshm_frames {
  int fd;          /* -1 once closed */
  uint64_t pages;
};

/* Creates a sparse memfd of `pages` pages, sealed against resizing. `name` shows in /proc. */
int gshm_frames_open(struct gshm_frames *frames, const char *name, uint64_t pages);
void gshm_frames_close(struct gshm_frames *frames);

/* Reads one page; a hole reads as zeros and stays a hole. */
int gshm_frames_copy_out(const struct gshm_frames *frames, uint64_t page, void *into);
/* Writes one page, allocating it. ENOSPC, ENOMEM: the host has no memory for it. */
int gshm_frames_copy_in(const struct gshm_frames *frames, uint64_t page, const void *from);
/* Makes one page present, all zeros. */
int gshm_frames_zero(const struct gshm_frames *frames, uint64_t page);
/* Frees pages: every mapping of them loses them at once; raises no event anywhere. */
int gshm_frames_punch(const struct gshm_frames *frames, uint64_t page, uint64_t count);
/* 1 when the kernel holds a frame for the page, 0 for a hole, or a negative errno. */
int gshm_frames_present(const struct gshm_frames *frames, uint64_t page);
/* How many pages the kernel holds. */
int gshm_frames_resident(const struct gshm_frames *frames, uint64_t *pages);

/* A memfd that holds `length` bytes of `text`, sealed against change, read position 0: for passing
 * an answer of any length. Gives the descriptor or a negative errno. */
int gshm_text_fd(const char *name, const void *text, uint64_t length);

#ifdef __cplusplus
}
#endif
#endif
