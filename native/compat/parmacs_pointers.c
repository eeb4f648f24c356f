/* parmacs_pointers.c: which global variables point into memory that other processes do not have. A number that looks like such a
 * pointer is taken for one. */
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/parmacs_image.h"

#define MAPPINGS_MAX 4096
#define TOLD_MAX 100 /* variables; then how many more there are */

struct mapping {
  uintptr_t from, to;
  const char *what; /* what a pointer into it points into */
};

struct mappings {
  size_t count;
  struct mapping list[MAPPINGS_MAX];
};

/* The part of [from, to) that belongs to the executable or a library, if it begins within one of these. */
struct loaded {
  uintptr_t from, to;
  unsigned object; /* 0: none; 1: the executable */
  unsigned number;
};
static int in_object(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct loaded *loaded = data;
  loaded->number++;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    uintptr_t from = (info->dlpi_addr + header->p_vaddr) & ~(uintptr_t)4095, to = info->dlpi_addr + header->p_vaddr + header->p_memsz;
    if (header->p_type != PT_LOAD || loaded->from < from || loaded->from >= to) continue;
    loaded->object = loaded->number;
    to = (to + 4095) & ~(uintptr_t)4095;
    if (loaded->to > to) loaded->to = to;
    return 1;
  }
  return 0;
}

static void add(struct mappings *mappings, uintptr_t from, uintptr_t to, const char *what) {
  if (mappings->count < MAPPINGS_MAX && from < to) mappings->list[mappings->count++] = (struct mapping){from, to, what};
}

static const char *kind_of(const char *path) {
  if (strncmp(path, "[stack", 6) == 0) return "rank 0's stack, where other ranks have something else";
  if (strcmp(path, "[heap]") == 0 || *path == '\0') return "rank 0's private heap (malloc), of which other ranks have a copy";
  return *path == '[' ? NULL : "a file that only rank 0 has mapped";
}

/* What is mapped, less the executable, what is shared, and libraries unless those count too. */
static void read_mappings(struct mappings *mappings, uintptr_t shared, uint64_t length, bool libraries) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) return;
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, maps) > 0) {
    uintptr_t from, to;
    int path = 0;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %*s %n", &from, &to, &path) < 2 || path == 0) continue;
    if (from < shared + length && to > shared) continue;
    line[strcspn(line, "\n")] = '\0';
    const char *kind = kind_of(line + path);
    while (kind && from < to) {
      struct loaded loaded = {from, to, 0, 0};
      dl_iterate_phdr(in_object, &loaded);
      if (loaded.object == 0) add(mappings, from, to, kind);
      else if (loaded.object > 1 && libraries) add(mappings, from, loaded.to, "a library, which other ranks have elsewhere");
      from = loaded.to;
    }
  }
  free(line);
  fclose(maps);
}

static const char *points_into(const struct mappings *mappings, uintptr_t value) {
  size_t low = 0, high = mappings->count; /* /proc lists them in order */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (mappings->list[middle].to <= value) low = middle + 1;
    else high = middle;
  }
  return low < mappings->count && mappings->list[low].from <= value ? mappings->list[low].what : NULL;
}

static void tell(struct gshm_image_symbol *symbol, uintptr_t at, const char *what, unsigned *told) {
  if ((*told)++ >= TOLD_MAX) return;
  char place[32] = "";
  if (symbol && at != symbol->at) snprintf(place, sizeof place, " (byte %" PRIuPTR ")", at - symbol->at);
  if (symbol) fprintf(stderr, "gshm: PARMACS: the global variable '%s'%s points into %s", symbol->name, place, what);
  else fprintf(stderr, "gshm: PARMACS: a global variable at %#" PRIxPTR " (its name is not known) points into %s", at, what);
  fprintf(stderr, ": what all ranks share comes from G_MALLOC\n");
}

void gshm_image_tell_pointers(const struct gshm_image *image, const void *shared, uint64_t length, bool libraries) {
  static unsigned told;
  const unsigned before = told;
  struct mappings *mappings = calloc(1, sizeof *mappings);
  if (!mappings) return;
  read_mappings(mappings, (uintptr_t)shared, length, libraries);
  for (size_t i = 0; i < image->count; i++) {
    uintptr_t at = (image->ranges[i].from + sizeof(uintptr_t) - 1) & ~(sizeof(uintptr_t) - 1);
    for (; at + sizeof(uintptr_t) <= image->ranges[i].to; at += sizeof(uintptr_t)) {
      uintptr_t value;
      memcpy(&value, (const void *)at, sizeof value);
      if (value < 4096) continue;
      const char *what = points_into(mappings, value);
      if (!what) continue;
      struct gshm_image_symbol *symbol = gshm_image_symbol_at(image, at);
      if (symbol && !symbol->name) continue;
      if (!symbol && image->symbol_count > 0) continue; /* padding */
      tell(symbol, at, what, &told);
      if (symbol) symbol->name = NULL;
    }
  }
  if (told > TOLD_MAX && told > before) fprintf(stderr, "gshm: PARMACS: and more of these: %u in all\n", told);
  free(mappings);
}
