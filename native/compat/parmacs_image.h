/* parmacs_image.h: the global variables of an executable: where they are, what they are called, and copies of them. */
#ifndef GSHM_COMPAT_PARMACS_IMAGE_H
#define GSHM_COMPAT_PARMACS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GSHM_IMAGE_ID_MAX 32

/* Variables that are copied lie in [from, to). */
struct gshm_image_range {
  uintptr_t from, to;
};

struct gshm_image_symbol {
  uintptr_t at;
  uint64_t size;
  const char *name; /* NULL: told already */
};

struct gshm_image {
  uintptr_t base; /* what is added to the addresses in the file */
  unsigned char id[GSHM_IMAGE_ID_MAX]; /* build id; without one what the whole file hashes to */
  size_t id_length;
  uintptr_t from, to; /* whole pages that have all ranges */
  struct gshm_image_range *ranges; /* in order */
  size_t count;
  struct gshm_image_symbol *symbols; /* of variables, in order of their addresses */
  size_t symbol_count;
};

/* Of this process's executable. NULL, or what is wrong with it. */
const char *gshm_image_open(struct gshm_image *image);
/* The variable that has the byte; NULL: none that is known. */
struct gshm_image_symbol *gshm_image_symbol_at(const struct gshm_image *image, uintptr_t at);

/* A copy of the variables, for other processes: bytes [from, to) of the image at `bytes`, and a bit for each page that is not
 * all zeros. `written`, which is the saver's own: a bit for each page that was ever saved. */
struct gshm_image_copy {
  char *bytes;
  uint64_t *pages, *written;
};
void gshm_image_save(const struct gshm_image *image, const struct gshm_image_copy *into);
void gshm_image_load(const struct gshm_image *image, const struct gshm_image_copy *from);
static inline bool gshm_image_is_zero(const char *bytes, size_t length) {
  return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}
static inline size_t gshm_image_span(const struct gshm_image *image) { return image->to - image->from; }
/* Bytes of `pages`. */
size_t gshm_image_bits(const struct gshm_image *image);

/* parmacs_pointers.c: tells on standard error, once of each, which variables point into memory that only this process has, but
 * for [shared, shared + length). libraries: those too lie elsewhere in other processes. */
void gshm_image_tell_pointers(const struct gshm_image *image, const void *shared, uint64_t length, bool libraries);

#endif
