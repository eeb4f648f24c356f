/* tmk_modules.c: a global variable lies as far from the beginning of its executable or library in every process of a program,
 * wherever those have been loaded: so addresses need not be the same, and position-independent executables will do. */
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "compat/tmk_team.h"

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash(uint64_t value, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) value = (value ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
  return value;
}
#define HASH_START 14695981039346656037u

/* A library by its file's name; the executable has none. */
static uint64_t module_of(const struct dl_phdr_info *info) {
  const char *slash = strrchr(info->dlpi_name, '/');
  const char *file = slash ? slash + 1 : info->dlpi_name;
  return hash(HASH_START, file, strlen(file));
}

static int can_write(const struct dl_phdr_info *info, uintptr_t offset, size_t size) {
  for (unsigned i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_W) || offset < part->p_vaddr) continue;
    if (offset - part->p_vaddr <= part->p_memsz && size <= part->p_memsz - (offset - part->p_vaddr)) return 1;
  }
  return 0;
}

struct search {
  uintptr_t address; /* 0: what is asked for */
  size_t size;
  struct tmk_variable variable;
};

static int find_module(struct dl_phdr_info *info, size_t info_size, void *data) {
  struct search *search = data;
  uintptr_t offset = search->address - info->dlpi_addr;
  if (search->address < info->dlpi_addr || !can_write(info, offset, search->size)) return 0;
  search->variable = (struct tmk_variable){module_of(info), offset};
  return 1;
}

int tmk_variable_of(const void *address, size_t size, struct tmk_variable *out) {
  struct search search = {.address = (uintptr_t)address, .size = size};
  if (dl_iterate_phdr(find_module, &search) == 0) return -1;
  *out = search.variable;
  return 0;
}

static int find_place(struct dl_phdr_info *info, size_t info_size, void *data) {
  struct search *search = data;
  if (module_of(info) != search->variable.module || !can_write(info, search->variable.offset, search->size)) return 0;
  search->address = info->dlpi_addr + search->variable.offset;
  return 1;
}

void *tmk_variable_here(const struct tmk_variable *variable, size_t size) {
  struct search search = {.size = size, .variable = *variable};
  return dl_iterate_phdr(find_place, &search) == 0 ? NULL : (void *)search.address;
}

/* The executable's program headers and, where it has one, its build id: the first module is it. */
static int hash_program(struct dl_phdr_info *info, size_t info_size, void *data) {
  uint64_t value = hash(HASH_START, info->dlpi_phdr, info->dlpi_phnum * sizeof *info->dlpi_phdr);
  for (unsigned i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type == PT_NOTE) value = hash(value, (const void *)(info->dlpi_addr + part->p_vaddr), part->p_memsz);
  }
  *(uint64_t *)data = value;
  return 1;
}

uint64_t tmk_program(void) {
  uint64_t value = 0;
  dl_iterate_phdr(hash_program, &value);
  return value;
}
