/* dsm.c: processes, regions and blocks of dsm.h. A region is a segment, named after its address: that is all that processes
 * agree on. Its model is the original's: many readers or one writer, serialised in one place. */
#define DSM_NO_PTHREAD
#include "compat/dsm.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "compat/dsm_regions.h"

#define REGIONS_MAX 64u
#define PAGE 4096u
/* How far regions lie apart whose address is ours to choose. */
#define APART ((uintptr_t)1 << 30)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows, but for reading `count` and what it counts */
static gshm *_Atomic attached;
static client_id_t own_id;
static struct gshm_place place;
static struct dsm_region regions[REGIONS_MAX];
static atomic_uint count;
static uintptr_t next_base = GSHM_COMPAT_BASE;

gshm *dsm_attached(const char *call) {
  gshm *g = attached;
  if (!g) gshm_compat_end(DSM, "%s before dsm_init", call);
  return g;
}

const struct dsm_region *dsm_region(unsigned i) {
  return i < atomic_load_explicit(&count, memory_order_acquire) ? &regions[i] : NULL;
}

const struct dsm_region *dsm_region_of(const void *address, size_t size) {
  uintptr_t at = (uintptr_t)address;
  const struct dsm_region *region;
  for (unsigned i = 0; (region = dsm_region(i)); i++)
    if (at >= region->start && at < region->end && size <= region->end - at) return region;
  return NULL;
}

void dsm_init(client_id_t id) {
  if (id == 0) gshm_compat_end(DSM, "dsm_init(0): 0 is the manager, node 0's daemon; processes count from 1");
  pthread_mutex_lock(&lock);
  if (attached && own_id != id) gshm_compat_end(DSM, "dsm_init(%lu): this process is %lu already", id, own_id);
  if (!attached) {
    place = gshm_place_in_run(DSM);
    own_id = id;
    attached = gshm_attach(NULL);
    if (!attached) gshm_compat_end(DSM, "dsm_init: %s", gshm_strerror(errno));
  }
  pthread_mutex_unlock(&lock);
}

/* Under the lock. */
static gshm_segment *segment_at(gshm *g, const char *call, uintptr_t start, size_t size) {
  gshm_options options = {.consistency = "mrsw", .manager = "central"};
  options.unit = (uint32_t)gshm_compat_bytes(DSM, "GSHM_DSM_UNIT", PAGE);
  char kind[32], name[64];
  snprintf(kind, sizeof kind, "dsm.%lx", (unsigned long)start);
  gshm_place_name(name, kind, &place);
  gshm_segment *segment = gshm_create_with(g, name, size, GSHM_OPEN_OR_CREATE, &options);
  if (!segment) gshm_compat_end(DSM, "%s(%p, %zu): %s", call, (void *)start, size, gshm_strerror(errno));
  return segment;
}

static void *add_region(const char *call, void *address, size_t size, bool has_heap) {
  gshm *g = dsm_attached(call);
  if ((uintptr_t)address % PAGE != 0)
    gshm_compat_end(DSM, "%s(%p, %zu): the address must be a multiple of %u", call, address, size, PAGE);
  if (size == 0 || size > SIZE_MAX / 2) gshm_compat_end(DSM, "%s(%p, %zu): there is no such size", call, address, size);
  size = (size + PAGE - 1) / PAGE * PAGE;
  pthread_mutex_lock(&lock);
  unsigned n = count;
  if (n == REGIONS_MAX) gshm_compat_end(DSM, "%s(%p, %zu): a process has %u regions at most", call, address, size, n);
  uintptr_t start = address ? (uintptr_t)address : next_base;
  gshm_segment *segment = segment_at(g, call, start, size);
  if (!gshm_map(segment, (void *)start, 0, 0))
    gshm_compat_end(DSM, "%s(%p, %zu): %s", call, (void *)start, size, gshm_strerror(errno));
  if (!address) next_base += (size + APART - 1) / APART * APART;
  regions[n] = (struct dsm_region){start, start + size, segment, has_heap};
  atomic_store_explicit(&count, n + 1, memory_order_release);
  pthread_mutex_unlock(&lock);
  return (void *)start;
}

void *dsm_open(void *address, size_t size) { return add_region("dsm_open", address, size, true); }

void *dsm_reserve(void *address, size_t size) { return add_region("dsm_reserve", address, size, false); }

void *dsm_malloc(size_t size) {
  dsm_attached("dsm_malloc");
  /* What fills units has them to itself: two blocks of different nodes in one unit would be sent to and fro. */
  uint32_t unit = (uint32_t)gshm_compat_bytes(DSM, "GSHM_DSM_UNIT", PAGE);
  gshm_alloc_options options = {.align = size >= unit ? unit : 0};
  bool any = false;
  const struct dsm_region *region;
  for (unsigned i = 0; (region = dsm_region(i)); i++) {
    if (!region->has_heap) continue;
    any = true;
    gshm_addr block = gshm_alloc_with(region->segment, size, &options);
    if (block) return (void *)(region->start + (uintptr_t)(block - gshm_at(region->segment, 0)));
    if (errno != ENOSPC) break; /* not only full */
  }
  if (!any) gshm_compat_end(DSM, "dsm_malloc(%zu) before dsm_open", size);
  gshm_compat_end(DSM, "dsm_malloc(%zu): %s", size, gshm_strerror(errno));
}

void dsm_free(void *block, size_t size) {
  dsm_attached("dsm_free");
  if (!block) return;
  const struct dsm_region *region = dsm_region_of(block, 1);
  if (!region || !region->has_heap)
    gshm_compat_end(DSM, "dsm_free(%p, %zu): dsm_malloc has not given that address", block, size);
  if (gshm_free(region->segment, dsm_global(region, block)) != 0)
    gshm_compat_end(DSM, "dsm_free(%p, %zu): %s", block, size, gshm_strerror(errno));
}

void dsm_close(void) {
  gshm *g = dsm_attached("dsm_close");
  pthread_mutex_lock(&lock);
  atomic_store(&count, 0);
  attached = NULL;
  next_base = GSHM_COMPAT_BASE;
  if (gshm_detach(g) != 0) gshm_compat_end(DSM, "dsm_close: %s", gshm_strerror(errno));
  pthread_mutex_unlock(&lock);
}
