/* diff.h: what a node has written to a page, byte by byte, found against a twin.
 *
 * A twin is the page as it was before the node's first write since the last release. A diff holds
 * exactly the bytes that differ from it: a byte that is the same is never in it, for another node
 * may have changed that one meanwhile, and the diffs of both are applied to the same home.
 *
 * A diff of nothing has length 0. Else, little-endian:
 *
 *   runs    u8 1, then for each run of changed bytes: u16 offset, u16 length - 1, its bytes
 *   bitmap  u8 2, one bit per byte of the unit (bit i % 8 of byte i / 8), then the changed bytes
 *
 * whichever is shorter: runs while there is at most one for each 32 bytes of the unit. Runs ascend,
 * with at least one unchanged byte between two.
 *
 * `bytes` is the coherence unit: a multiple of 4096 from GSHM_DIFF_UNIT_MIN to GSHM_DIFF_UNIT_MAX. */
#ifndef GSHM_CORE_DIFF_H
#define GSHM_CORE_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GSHM_DIFF_UNIT_MIN 4096u
#define GSHM_DIFF_UNIT_MAX 65536u
/* The longest diff of a unit: a bitmap, and every byte but those between the runs. */
#define GSHM_DIFF_BYTES_MAX(bytes) (1 + (bytes) / 8 + (bytes))
/* More runs than that, and the bitmap is shorter. */
#define GSHM_DIFF_RUNS_MAX(bytes) ((bytes) / 32)

static inline bool gshm_diff_unit_ok(uint64_t bytes) {
  return bytes >= GSHM_DIFF_UNIT_MIN && bytes <= GSHM_DIFF_UNIT_MAX && bytes % GSHM_DIFF_UNIT_MIN == 0;
}

/* Writes the diff of `now` against `twin` to `out`, which has room for GSHM_DIFF_BYTES_MAX(bytes);
 * gives its length in bytes. `now` is a private snapshot, not the frame that processes go on
 * writing: it is looked at twice, once to compare and once to copy. */
size_t gshm_diff_encode(const uint8_t *now, const uint8_t *twin, size_t bytes, uint8_t *out);

/* 0 for a diff that gshm_diff_encode could have made of such a unit, as far as bounds go: a peer has
 * sent it. -EINVAL: no such unit; an unknown mode; runs that are empty of bytes, too many, descend,
 * touch, or reach beyond the unit; a bitmap that does not count the bytes behind it; bytes too few
 * or left over. `diff` must stay what it is until it has been applied. */
int gshm_diff_check(const uint8_t *diff, size_t length, size_t bytes);

/* Stores the bytes of a checked diff, and no other byte, in the unit at `target`. */
void gshm_diff_apply(const uint8_t *diff, size_t length, uint8_t *target, size_t bytes);

/* One run of a diff in runs mode. */
struct gshm_diff_run {
  size_t offset;
  size_t length;
  const uint8_t *bytes; /* within the diff */
};

/* Whether the diff is in runs mode; an empty one is, with none. */
bool gshm_diff_has_runs(const uint8_t *diff, size_t length);
/* The next run of a checked diff in runs mode; false when there is none. *at: 0 to begin. */
bool gshm_diff_next_run(const uint8_t *diff, size_t length, size_t *at, struct gshm_diff_run *run);

#ifdef __cplusplus
}
#endif
#endif
