/* parmacs_image.c: reads the executable's section and symbol tables from its file.
 *
 * What is copied from process to process are the sections of variables: .data, .bss and what the program has named itself; never
 * what the linker fills for the dynamic linker (the GOT, .dynamic, what is read-only after relocation), nor thread-local
 * storage. Copies of a library's variables that the linker has put into .bss (copy relocations: stdout, environ, optarg)
 * belong to the library, and __dso_handle to the process. */
#include "compat/parmacs_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

#if defined(__x86_64__)
#define COPY_RELOCATION R_X86_64_COPY
#elif defined(__aarch64__)
#define COPY_RELOCATION R_AARCH64_COPY
#else
#error "which relocation is the copy relocation here?"
#endif

struct file {
  const char *bytes;
  size_t size;
  const ElfW(Ehdr) *header;
  const ElfW(Shdr) *sections;
  const char *names;
};

static int first_object(struct dl_phdr_info *info, size_t size, void *image) {
  (void)size;
  ((struct gshm_image *)image)->base = info->dlpi_addr;
  return 1;
}

static const char *map_file(struct file *file) {
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat stat;
  if (fd < 0 || fstat(fd, &stat) != 0) return "its executable (/proc/self/exe) cannot be read";
  file->size = (size_t)stat.st_size;
  void *bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (bytes == MAP_FAILED) return "its executable (/proc/self/exe) cannot be mapped";
  file->bytes = bytes;
  file->header = bytes;
  const ElfW(Ehdr) *header = file->header;
  if (header->e_shoff == 0 || header->e_shoff + (uint64_t)header->e_shnum * sizeof(ElfW(Shdr)) > file->size ||
      header->e_shstrndx >= header->e_shnum)
    return "its executable has no section table: do not strip it of that";
  file->sections = (const ElfW(Shdr) *)(file->bytes + header->e_shoff);
  file->names = file->bytes + file->sections[header->e_shstrndx].sh_offset;
  return NULL;
}

static const ElfW(Shdr) *section_of_type(const struct file *file, uint32_t type) {
  for (unsigned i = 0; i < file->header->e_shnum; i++)
    if (file->sections[i].sh_type == type) return &file->sections[i];
  return NULL;
}

static bool is_linkers(const char *name) {
  static const char *const linkers[] = {".got", ".got.plt", ".plt.got", ".dynamic", ".jcr", ".ctors", ".dtors", ".tm_clone_table",
                                        ".eh_frame", ".preinit_array", ".init_array", ".fini_array"};
  for (size_t i = 0; i < sizeof linkers / sizeof *linkers; i++)
    if (strcmp(name, linkers[i]) == 0) return true;
  return strncmp(name, ".data.rel.ro", strlen(".data.rel.ro")) == 0;
}

static bool is_relro(const struct file *file, const ElfW(Shdr) *section) {
  const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(file->bytes + file->header->e_phoff);
  for (unsigned i = 0; i < file->header->e_phnum; i++)
    if (headers[i].p_type == PT_GNU_RELRO && section->sh_addr >= headers[i].p_vaddr &&
        section->sh_addr < headers[i].p_vaddr + headers[i].p_memsz)
      return true;
  return false;
}

static bool has_variables(const struct file *file, const ElfW(Shdr) *section) {
  return (section->sh_flags & (SHF_ALLOC | SHF_WRITE | SHF_TLS)) == (SHF_ALLOC | SHF_WRITE) && section->sh_size > 0 &&
         (section->sh_type == SHT_PROGBITS || section->sh_type == SHT_NOBITS) &&
         !is_linkers(file->names + section->sh_name) && !is_relro(file, section);
}

static void add(struct gshm_image *image, uintptr_t from, uintptr_t to) {
  if (from < to) image->ranges[image->count++] = (struct gshm_image_range){from, to};
}

/* [from, to) is left out of the ranges. */
static void leave_out(struct gshm_image *image, uintptr_t from, uintptr_t to) {
  for (size_t i = 0, count = image->count; i < count; i++) {
    struct gshm_image_range *range = &image->ranges[i];
    if (to <= range->from || range->to <= from) continue;
    uintptr_t end = range->to;
    range->to = from > range->from ? from : range->from; /* it may be empty then */
    add(image, to, end);
  }
}

static int by_address(const void *a, const void *b) {
  uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;
  return left < right ? -1 : left > right;
}

static size_t copy_relocations(const struct file *file, struct gshm_image *image, bool leave) {
  size_t found = 0;
  for (unsigned i = 0; i < file->header->e_shnum; i++) {
    const ElfW(Shdr) *section = &file->sections[i];
    if (section->sh_type != SHT_RELA || !(section->sh_flags & SHF_ALLOC) || section->sh_link >= file->header->e_shnum) continue;
    const ElfW(Rela) *relocations = (const ElfW(Rela) *)(file->bytes + section->sh_offset);
    const ElfW(Sym) *symbols = (const ElfW(Sym) *)(file->bytes + file->sections[section->sh_link].sh_offset);
    for (size_t r = 0; r < section->sh_size / sizeof *relocations; r++) {
      if (ELF64_R_TYPE(relocations[r].r_info) != COPY_RELOCATION) continue;
      found++;
      uintptr_t at = image->base + relocations[r].r_offset;
      if (leave) leave_out(image, at, at + symbols[ELF64_R_SYM(relocations[r].r_info)].st_size);
    }
  }
  return found;
}

/* Those of variables, with a place for each. */
static bool read_symbols(const struct file *file, struct gshm_image *image) {
  const ElfW(Shdr) *table = section_of_type(file, SHT_SYMTAB);
  if (!table) table = section_of_type(file, SHT_DYNSYM);
  if (!table || table->sh_link >= file->header->e_shnum) return true;
  const ElfW(Sym) *symbols = (const ElfW(Sym) *)(file->bytes + table->sh_offset);
  const char *names = file->bytes + file->sections[table->sh_link].sh_offset;
  size_t count = table->sh_size / sizeof *symbols;
  image->symbols = calloc(count + 1, sizeof *image->symbols);
  if (!image->symbols) return false;
  for (size_t i = 0; i < count; i++) {
    const ElfW(Sym) *symbol = &symbols[i];
    if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_shndx == SHN_UNDEF) continue;
    image->symbols[image->symbol_count++] =
        (struct gshm_image_symbol){image->base + symbol->st_value, symbol->st_size, names + symbol->st_name};
  }
  qsort(image->symbols, image->symbol_count, sizeof *image->symbols, by_address);
  return true;
}

static bool read_ranges(const struct file *file, struct gshm_image *image) {
  size_t most = 2 + copy_relocations(file, image, false) + file->header->e_shnum;
  image->ranges = calloc(most, sizeof *image->ranges);
  if (!image->ranges) return false;
  for (unsigned i = 0; i < file->header->e_shnum; i++) {
    const ElfW(Shdr) *section = &file->sections[i];
    if (has_variables(file, section)) add(image, image->base + section->sh_addr, image->base + section->sh_addr + section->sh_size);
  }
  copy_relocations(file, image, true);
  for (size_t i = 0; i < image->symbol_count; i++)
    if (strcmp(image->symbols[i].name, "__dso_handle") == 0)
      leave_out(image, image->symbols[i].at, image->symbols[i].at + sizeof(void *));
  qsort(image->ranges, image->count, sizeof *image->ranges, by_address);
  return true;
}

static void hash_file(const struct file *file, struct gshm_image *image) {
  uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
  for (size_t i = 0; i < file->size; i++) hash = (hash ^ (unsigned char)file->bytes[i]) * 0x100000001B3u;
  memcpy(image->id, &hash, sizeof hash);
  image->id_length = sizeof hash;
}

static void read_id(const struct file *file, struct gshm_image *image) {
  for (unsigned i = 0; i < file->header->e_shnum; i++) {
    const ElfW(Shdr) *section = &file->sections[i];
    const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(file->bytes + section->sh_offset);
    if (section->sh_type != SHT_NOTE || section->sh_size < sizeof *note + 4) continue;
    if (note->n_type != NT_GNU_BUILD_ID || note->n_namesz != 4 || memcmp(note + 1, "GNU", 4) != 0) continue;
    image->id_length = note->n_descsz < GSHM_IMAGE_ID_MAX ? note->n_descsz : GSHM_IMAGE_ID_MAX;
    memcpy(image->id, (const char *)(note + 1) + 4, image->id_length);
    return;
  }
  hash_file(file, image);
}

const char *gshm_image_open(struct gshm_image *image) {
  struct file file;
  const char *wrong = map_file(&file);
  if (wrong) return wrong;
  dl_iterate_phdr(first_object, image);
  read_id(&file, image);
  if (!read_symbols(&file, image) || !read_ranges(&file, image)) return "no memory for its tables of symbols";
  if (image->count == 0) return "its executable has no global variables";
  image->from = image->ranges[0].from & ~(uintptr_t)(PAGE - 1);
  image->to = (image->ranges[image->count - 1].to + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
  return NULL;
}

struct gshm_image_symbol *gshm_image_symbol_at(const struct gshm_image *image, uintptr_t at) {
  size_t low = 0, high = image->symbol_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (image->symbols[middle].at <= at) low = middle + 1;
    else high = middle;
  }
  struct gshm_image_symbol *before = low > 0 ? &image->symbols[low - 1] : NULL;
  return before && at < before->at + before->size ? before : NULL;
}

size_t gshm_image_bits(const struct gshm_image *image) { return (gshm_image_span(image) / PAGE + 63) / 64 * sizeof(uint64_t); }

/* The parts of one page that are variables. */
struct parts {
  const struct gshm_image *image;
  uintptr_t from, to;
  size_t range;
};
static bool next_part(struct parts *parts, struct gshm_image_range *part) {
  while (parts->range < parts->image->count) {
    const struct gshm_image_range *range = &parts->image->ranges[parts->range];
    if (range->from >= parts->to) return false;
    parts->range++;
    part->from = range->from > parts->from ? range->from : parts->from;
    part->to = range->to < parts->to ? range->to : parts->to;
    if (part->from < part->to) return true;
  }
  return false;
}
/* The first range that reaches beyond `at`, from `range` on. */
static size_t range_at(const struct gshm_image *image, size_t range, uintptr_t at) {
  while (range < image->count && image->ranges[range].to <= at) range++;
  return range;
}

static void save_page(struct parts parts, char *into, uint64_t *page, uint64_t *written, uint64_t bit) {
  bool zero = true, same = (*written & bit) != 0;
  struct gshm_image_range part;
  for (struct parts p = parts; next_part(&p, &part);) {
    zero = zero && gshm_image_is_zero((const char *)part.from, part.to - part.from);
    same = same && memcmp(into + (part.from - parts.from), (const void *)part.from, part.to - part.from) == 0;
  }
  if (zero) {
    if (*page & bit) *page &= ~bit;
    return;
  }
  if (!same)
    for (struct parts p = parts; next_part(&p, &part);)
      memcpy(into + (part.from - parts.from), (const void *)part.from, part.to - part.from);
  *written |= bit;
  if (!(*page & bit)) *page |= bit;
}

void gshm_image_save(const struct gshm_image *image, const struct gshm_image_copy *into) {
  size_t range = 0;
  for (uintptr_t at = image->from; at < image->to; at += PAGE) {
    range = range_at(image, range, at);
    uint64_t number = (at - image->from) / PAGE;
    save_page((struct parts){image, at, at + PAGE, range}, into->bytes + (at - image->from), &into->pages[number / 64],
              &into->written[number / 64], 1ull << number % 64);
  }
}

void gshm_image_load(const struct gshm_image *image, const struct gshm_image_copy *from) {
  size_t range = 0;
  for (uintptr_t at = image->from; at < image->to; at += PAGE) {
    range = range_at(image, range, at);
    uint64_t number = (at - image->from) / PAGE;
    bool zero = (from->pages[number / 64] >> number % 64 & 1) == 0;
    struct gshm_image_range part;
    for (struct parts p = {image, at, at + PAGE, range}; next_part(&p, &part);) {
      size_t length = part.to - part.from;
      if (!zero) memcpy((void *)part.from, from->bytes + (part.from - image->from), length);
      else if (!gshm_image_is_zero((const char *)part.from, length)) memset((void *)part.from, 0, length); /* untouched pages stay so */
    }
  }
}
