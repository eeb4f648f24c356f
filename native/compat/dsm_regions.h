/* dsm_regions.h: what this process has opened by dsm_open and dsm_reserve. */
#ifndef GSHM_DSM_REGIONS_H
#define GSHM_DSM_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/gshm.h"
#include "compat/place.h"

#define DSM "dsm"

struct dsm_region {
  uintptr_t start, end;
  gshm_segment *segment;
  bool has_heap;
};

/* The handle, or the end of the program when dsm_init has not been called. */
gshm *dsm_attached(const char *call);
/* The region that has all of those bytes, or NULL. */
const struct dsm_region *dsm_region_of(const void *address, size_t size);
/* The i-th that was opened, or NULL. */
const struct dsm_region *dsm_region(unsigned i);
static inline gshm_addr dsm_global(const struct dsm_region *region, const void *address) {
  return gshm_at(region->segment, 0) + ((uintptr_t)address - region->start);
}

#endif
