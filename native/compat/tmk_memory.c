/* tmk_memory.c: the shared memory of a TreadMarks program: one lrc segment, and its heap. */
#include <errno.h>
#include <stdbool.h>

#include "compat/tmk_team.h"

#define SIZE_DEFAULT (64u << 20)

static gshm_segment *memory;
static uint64_t size;
static char name[64];

void tmk_memory_open(gshm *g, const struct gshm_place *place) {
  gshm_options options = {.consistency = "lrc"};
  size = (gshm_compat_bytes(TMK, "GSHM_TMK_SIZE", SIZE_DEFAULT) + Tmk_page_size - 1) / Tmk_page_size * Tmk_page_size;
  Tmk_npages = (unsigned)(size / Tmk_page_size);
  gshm_place_name(name, "tmk", place);
  memory = gshm_create_with(g, name, size, GSHM_OPEN_OR_CREATE, &options);
  if (!memory) gshm_compat_end(TMK, "%llu bytes of shared memory (GSHM_TMK_SIZE): %s", (unsigned long long)size,
                               gshm_strerror(errno));
  if (place->ranks == 1) gshm_unlink(g, name); /* nobody else is to find it */
  if (!gshm_map(memory, (void *)GSHM_COMPAT_BASE, 0, 0)) gshm_compat_end(TMK, "shared memory: %s", gshm_strerror(errno));
}

void tmk_memory_unlink(gshm *g) { gshm_unlink(g, name); }

int tmk_is_shared(const void *address) {
  return (uintptr_t)address >= GSHM_COMPAT_BASE && (uintptr_t)address - GSHM_COMPAT_BASE < size;
}

static void *allocate(const char *call, size_t bytes) {
  tmk_started(call);
  gshm_addr block = gshm_alloc(memory, bytes);
  if (block) return (void *)(GSHM_COMPAT_BASE + (uintptr_t)(block - gshm_at(memory, 0)));
  if (errno != ENOSPC) gshm_compat_end(TMK, "%s(%zu): %s", call, bytes, gshm_strerror(errno));
  static bool told;
  if (!told) Tmk_err("%s(%zu): no such block is left of %llu bytes: raise GSHM_TMK_SIZE", call, bytes, (unsigned long long)size);
  told = true;
  return NULL;
}

void *Tmk_malloc(size_t bytes) { return allocate("Tmk_malloc", bytes); }

void *Tmk_sbrk(size_t bytes) { return allocate("Tmk_sbrk", bytes); }

void Tmk_free(void *block) {
  tmk_started("Tmk_free");
  if (!block) return;
  if (!tmk_is_shared(block)) gshm_compat_end(TMK, "Tmk_free(%p): not in shared memory", block);
  if (gshm_free(memory, gshm_at(memory, 0) + ((uintptr_t)block - GSHM_COMPAT_BASE)) != 0)
    gshm_compat_end(TMK, "Tmk_free(%p): %s", block, gshm_strerror(errno));
}
