/* segment.c: named segments: create, open, close, stat, unlink. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/lock.h"
#include "client/process.h"
#include "core/utf8.h"

#define SIZE_MAX_BYTES (1ull << GSHM_OFFSET_BITS)

int gshm_copy_name(char into[GSHM_NAME_MAX + 1], const char *name, const char *what) {
  if (!name || !*name) return gshm_fail(GSHM_E_NAME_INVALID, "%s: a name has 1 to %u bytes", what, GSHM_NAME_MAX);
  size_t length = strlen(name);
  if (length > GSHM_NAME_MAX)
    return gshm_fail(GSHM_E_NAME_TOO_LONG, "%s: '%s' has %zu bytes, a name at most %u", what, name, length,
                     GSHM_NAME_MAX);
  if (!gshm_is_utf8(name)) return gshm_fail(GSHM_E_NAME_INVALID, "%s: a name is UTF-8", what);
  memset(into, 0, GSHM_NAME_MAX + 1);
  memcpy(into, name, length);
  return 0;
}

static void tell_close(uint32_t id) {
  struct gshm_close_request body = {.segment = id};
  struct gshm_exchange x = {.op = GSHM_OP_CLOSE, .body = &body, .body_size = sizeof body};
  gshm_request(&x);
}

static struct gshm_segment *keep(const struct gshm_segment_info *info, int memfd) {
  struct stat stat;
  struct gshm_segment *s = calloc(1, sizeof *s);
  if (!s || fstat(memfd, &stat) != 0) {
    gshm_fail_system(s ? "fstat" : "malloc", s ? errno : ENOMEM);
    free(s);
    return NULL;
  }
  s->memfd = memfd;
  s->device = stat.st_dev;
  s->inode = stat.st_ino;
  s->id = info->segment;
  s->size = info->size;
  s->max_size = info->max_size;
  s->lazy = strcmp(info->consistency, "lrc") == 0;
  if (s->lazy) gshm_self.writes_lazily = true;
  s->next = gshm_self.segments;
  gshm_self.segments = s;
  return s;
}

static struct gshm_segment *known(uint32_t id) {
  struct gshm_segment *s = gshm_self.segments;
  while (s && s->id != id) s = s->next;
  return s;
}

/* The daemon has opened it, but no descriptor was left to receive it with. */
static void give_back(const struct gshm_segment_info *info, const struct gshm_exchange *request) {
  const struct gshm_create_request *create = request->body;
  if (request->op == GSHM_OP_CREATE && !(create->flags & GSHM_CREATE_OR_OPEN)) {
    struct gshm_name_request body;
    memcpy(body.name, info->name, sizeof body.name);
    struct gshm_exchange x = {.op = GSHM_OP_UNLINK, .body = &body, .body_size = sizeof body};
    gshm_request(&x);
  }
  if (!known(info->segment)) tell_close(info->segment);
  gshm_fail_system("receiving a descriptor", EMFILE); /* still what went wrong */
}

/* The daemon keeps one handle of a segment for a process: opening it again gives the same. */
static gshm_segment *open_with(const struct gshm_exchange *request) {
  struct gshm_segment_info info = {0};
  int memfd = -1;
  struct gshm_exchange x = *request;
  x.reply = &info;
  x.reply_size = sizeof info;
  x.received = &memfd;
  /* Across the request, because a CLOSE must not overtake an OPEN of the same segment. */
  pthread_mutex_lock(&gshm_self.segments_lock);
  struct gshm_segment *s = NULL;
  if (gshm_request(&x) == 0) {
    s = known(info.segment);
    if (s) close(memfd);
    else if (!(s = keep(&info, memfd))) {
      int error = errno;
      close(memfd);
      tell_close(info.segment);
      errno = error;
    }
    if (s) s->handles++;
  } else if (info.segment != 0) {
    give_back(&info, request);
  }
  pthread_mutex_unlock(&gshm_self.segments_lock);
  return s;
}

/* gshm_create and gshm_create_with, and Node.js' create: errors say `create`, as the daemon's do.
 * What the word means is the daemon's to say. */
static int copy_word(char into[GSHM_WORD_MAX + 1], const char *word, const char *option) {
  if (!word) return 0;
  size_t length = strlen(word);
  if (length == 0 || length > GSHM_WORD_MAX)
    return gshm_fail(GSHM_E_INVALID, "create: %s is '%s': it must have 1 to %u bytes", option, word, GSHM_WORD_MAX);
  memcpy(into, word, length);
  return 0;
}

static int copy_options(struct gshm_create_request *into, const gshm_options *options) {
  if (!options) return 0;
  if (copy_word(into->consistency, options->consistency, "consistency") != 0) return -1;
  if (copy_word(into->manager, options->manager, "manager") != 0) return -1;
  if (options->home < 0 || options->home > UINT32_MAX)
    return gshm_fail(GSHM_E_INVALID, "create: home is %lld: it must be the number of a node",
                     (long long)(options->home < 0 ? options->home : options->home - 1));
  if (options->max_size > SIZE_MAX_BYTES)
    return gshm_fail(GSHM_E_INVALID, "gshm_create: max_size is %llu: it must be from size to 2^%d",
                     (unsigned long long)options->max_size, GSHM_OFFSET_BITS);
  into->unit = options->unit;
  into->home = (uint32_t)options->home;
  into->max_size = options->max_size;
  if (options->mode) into->mode = options->mode;
  return 0;
}

gshm_segment *gshm_create(gshm *g, const char *name, uint64_t size, unsigned flags) {
  return gshm_create_with(g, name, size, flags, NULL);
}

gshm_segment *gshm_create_with(gshm *g, const char *name, uint64_t size, unsigned flags, const gshm_options *options) {
  struct gshm_create_request body = {.mode = 0600};
  if (gshm_check(g) != 0 || gshm_copy_name(body.name, name, "create") != 0) return NULL;
  if (size == 0 || size > SIZE_MAX_BYTES) {
    gshm_fail(GSHM_E_INVALID, "create: size %llu: 1 to 2^%d bytes", (unsigned long long)size, GSHM_OFFSET_BITS);
    return NULL;
  }
  if (flags & ~GSHM_OPEN_OR_CREATE) {
    gshm_fail(GSHM_E_INVALID, "create: flags 0x%x: only GSHM_OPEN_OR_CREATE is known", flags);
    return NULL;
  }
  body.size = (size + GSHM_PAGE_SIZE - 1) & ~(uint64_t)(GSHM_PAGE_SIZE - 1);
  body.flags = flags & GSHM_OPEN_OR_CREATE ? GSHM_CREATE_OR_OPEN : 0;
  if (copy_options(&body, options) != 0) return NULL;
  struct gshm_exchange x = {.op = GSHM_OP_CREATE, .body = &body, .body_size = sizeof body};
  return open_with(&x);
}

gshm_segment *gshm_open(gshm *g, const char *name, unsigned flags) {
  struct gshm_open_request body = {.flags = flags & GSHM_READ_ONLY ? GSHM_OPEN_READ_ONLY : 0};
  if (gshm_check(g) != 0 || gshm_copy_name(body.name, name, "gshm_open") != 0) return NULL;
  if (flags & ~GSHM_READ_ONLY) {
    gshm_fail(GSHM_E_INVALID, "gshm_open: flags 0x%x: must be 0", flags);
    return NULL;
  }
  struct gshm_exchange x = {.op = GSHM_OP_OPEN, .body = &body, .body_size = sizeof body};
  return open_with(&x);
}

static void forget(struct gshm_segment *s) {
  struct gshm_segment **at = &gshm_self.segments;
  while (*at && *at != s) at = &(*at)->next;
  if (*at) *at = s->next;
  close(s->memfd);
  gshm_heap_forget(s->heap);
  free(s);
}

int gshm_close(gshm_segment *s) {
  if (!s) return gshm_fail(GSHM_E_INVALID, "gshm_close: the segment is NULL");
  if (gshm_check(&gshm_self) != 0 && !gshm_self.attached) return -1; /* detach has freed it */
  int result = 0;
  pthread_mutex_lock(&gshm_self.segments_lock);
  if (--s->handles == 0) {
    struct gshm_close_request body = {.segment = s->id};
    struct gshm_exchange x = {.op = GSHM_OP_CLOSE, .body = &body, .body_size = sizeof body};
    result = gshm_request(&x);
    int error = errno;
    gshm_lock_segment_closed(s->id);
    forget(s);
    errno = error;
  }
  pthread_mutex_unlock(&gshm_self.segments_lock);
  return result;
}

struct gshm_segment *gshm_segment_find(uint32_t id) {
  struct gshm_segment *s;
  pthread_mutex_lock(&gshm_self.segments_lock);
  for (s = gshm_self.segments; s && s->id != id; s = s->next) continue;
  pthread_mutex_unlock(&gshm_self.segments_lock);
  if (!s) gshm_fail(GSHM_E_INVALID, "segment %u is not open in this process", id);
  return s;
}

void gshm_segment_forget_all(void) {
  pthread_mutex_lock(&gshm_self.segments_lock);
  while (gshm_self.segments) forget(gshm_self.segments);
  pthread_mutex_unlock(&gshm_self.segments_lock);
}

int gshm_stat(gshm *g, const char *name, gshm_stat_t *out) {
  struct gshm_name_request body;
  struct gshm_segment_info info;
  if (gshm_check(g) != 0 || gshm_copy_name(body.name, name, "gshm_stat") != 0) return -1;
  if (!out) return gshm_fail(GSHM_E_INVALID, "gshm_stat: out is NULL");
  struct gshm_exchange x = {
      .op = GSHM_OP_STAT, .body = &body, .body_size = sizeof body, .reply = &info, .reply_size = sizeof info};
  if (gshm_request(&x) != 0) return -1;
  *out = (gshm_stat_t){
      .segment = info.segment,
      .mode = info.mode,
      .uid = info.uid,
      .gid = info.gid,
      .size = info.size,
      .heap_bytes = info.heap_bytes,
      .heap_blocks = info.heap_blocks,
      .created_ms = info.created_ms,
      .linked = info.linked,
      .homes = info.homes,
      .home = info.home,
      .unit = info.unit,
      .max_size = info.max_size,
  };
  _Static_assert(sizeof out->consistency == sizeof info.consistency && sizeof out->manager == sizeof info.manager &&
                     sizeof out->name == sizeof info.name,
                 "as device.h has them");
  memcpy(out->consistency, info.consistency, sizeof out->consistency - 1);
  memcpy(out->manager, info.manager, sizeof out->manager - 1);
  memcpy(out->name, info.name, sizeof out->name - 1);
  return 0;
}

int gshm_unlink(gshm *g, const char *name) {
  struct gshm_name_request body;
  if (gshm_check(g) != 0 || gshm_copy_name(body.name, name, "gshm_unlink") != 0) return -1;
  struct gshm_exchange x = {.op = GSHM_OP_UNLINK, .body = &body, .body_size = sizeof body};
  return gshm_request(&x);
}

static int ask_size(const struct gshm_exchange *request, uint64_t *size) {
  struct gshm_size_reply reply;
  struct gshm_exchange x = *request;
  x.reply = &reply;
  x.reply_size = sizeof reply;
  if (gshm_request(&x) != 0) return -1;
  *size = reply.size;
  return 0;
}

/* Any process may have changed it, so the daemon is asked; the call must not fail, and keeps what was said last. */
uint64_t gshm_size(const gshm_segment *s) {
  if (!s) return 0;
  gshm_segment *known = (gshm_segment *)s;
  struct gshm_size_request body = {.segment = s->id};
  struct gshm_exchange x = {.op = GSHM_OP_SIZE, .body = &body, .body_size = sizeof body};
  uint64_t size;
  int error = errno;
  if (gshm_self.attached && ask_size(&x, &size) == 0) __atomic_store_n(&known->size, size, __ATOMIC_RELAXED);
  errno = error;
  return __atomic_load_n(&known->size, __ATOMIC_RELAXED);
}

uint64_t gshm_max_size(const gshm_segment *s) { return s ? s->max_size : 0; }

int gshm_resize_segment(uint32_t id, uint64_t size) {
  struct gshm_resize_request body = {.segment = id, .size = size};
  struct gshm_exchange x = {.op = GSHM_OP_RESIZE, .body = &body, .body_size = sizeof body};
  uint64_t now;
  if (size == 0 || size > SIZE_MAX_BYTES)
    return gshm_fail(GSHM_E_INVALID, "gshm_resize: size %llu: 1 byte to the segment's max_size",
                     (unsigned long long)size);
  return ask_size(&x, &now);
}

int gshm_resize(gshm_segment *s, uint64_t size) {
  if (!s) return gshm_fail(GSHM_E_INVALID, "gshm_resize: the segment is NULL");
  return gshm_resize_segment(s->id, size);
}

uint32_t gshm_id(const gshm_segment *s) { return s ? s->id : 0; }
gshm_addr gshm_at(const gshm_segment *s, uint64_t offset) {
  if (!s || offset >= s->max_size) {
    if (!s) gshm_fail(GSHM_E_INVALID, "gshm_at: the segment is NULL");
    else gshm_fail(GSHM_E_BEYOND_END, "gshm_at: offset %llu is beyond the segment's %llu bytes",
                   (unsigned long long)offset, (unsigned long long)s->max_size);
    return 0;
  }
  return (uint64_t)s->id << GSHM_OFFSET_BITS | offset;
}
