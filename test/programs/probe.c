/* probe: a C client that does what a test tells it, one line at a time.
 *
 *   probe SOCKET      SOCKET: a unix stream socket that the test listens on
 *
 * It connects, says "hello PID", then answers every line "ID COMMAND ARGUMENTS..." with one line
 * "ID ok VALUE...", "ID err ERRNO TEXT" or "ID sigbus". A line "ID & COMMAND..." runs in a thread of
 * its own, so that a test can watch a thread wait. `fork` makes a child that connects as its parent
 * did. Numbers are C's (0x..); words are 64 bits; '' is the empty word. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <grp.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gshm.h"

#define WORDS_MAX 8
#define SEGMENTS_MAX 1024

struct command {
  char line[512];
  char *words[WORDS_MAX]; /* [0] id, [1] name, [2..] arguments; missing ones are "" */
};

static const char *control_path;
static int control = -1;
static pthread_mutex_t say_lock = PTHREAD_MUTEX_INITIALIZER;
static gshm *g;
static gshm_segment *segments[SEGMENTS_MAX];
static int segment_count;
static _Thread_local sigjmp_buf on_sigbus;
static _Thread_local volatile sig_atomic_t sigbus_expected;

static void say(const char *format, ...) {
  char text[768];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  pthread_mutex_lock(&say_lock);
  if (write(control, text, (size_t)length) != length) _exit(3);
  pthread_mutex_unlock(&say_lock);
}

static void caught_sigbus(int signal) {
  if (!sigbus_expected) _exit(128 + signal);
  siglongjmp(on_sigbus, 1);
}

static void hello(void) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", control_path);
  control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (control < 0 || connect(control, (struct sockaddr *)&to, sizeof to) < 0) _exit(3);
  say("hello %d\n", (int)getpid());
}

static uint64_t number(const char *word) { return strtoull(word, NULL, 0); }
static void *pointer(const char *word) { return (void *)(uintptr_t)number(word); }
static volatile uint64_t *word_at(const char *word) { return (volatile uint64_t *)pointer(word); }
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ok(struct command *c, uint64_t value) { say("%s ok 0x%llx\n", c->words[0], (unsigned long long)value); }
static void failed(struct command *c) {
  int error = errno;
  say("%s err %d %s\n", c->words[0], error, gshm_strerror(error));
}
static void result(struct command *c, int status) { status == 0 ? ok(c, 0) : failed(c); }
static void mapped(struct command *c, void *at) { at == NULL || at == MAP_FAILED ? failed(c) : ok(c, (uintptr_t)at); }

static gshm_segment *segment(struct command *c) {
  uint64_t index = number(c->words[2]);
  return index < (uint64_t)segment_count ? segments[index] : NULL;
}

static void keep(struct command *c, gshm_segment *s) {
  if (s == NULL) return failed(c);
  if (segment_count == SEGMENTS_MAX) _exit(3);
  segments[segment_count] = s;
  ok(c, (uint64_t)segment_count++);
}

/* createWith NAME SIZE FLAGS OPTION=VALUE... */
static gshm_segment *create_with(char **w) {
  gshm_options options = {0};
  for (int i = 5; i < WORDS_MAX; i++) {
    char *value = strchr(w[i], '=');
    if (!value) continue;
    *value++ = 0;
    if (!strcmp(w[i], "consistency")) options.consistency = value;
    else if (!strcmp(w[i], "manager")) options.manager = value;
    else if (!strcmp(w[i], "unit")) options.unit = (uint32_t)number(value);
    else if (!strcmp(w[i], "maxSize")) options.max_size = number(value);
    else if (!strcmp(w[i], "mode")) options.mode = (uint32_t)strtoul(value, NULL, 8);
    else if (!strcmp(w[i], "home")) options.home = GSHM_HOME(strtoll(value, NULL, 0));
    else _exit(3);
  }
  return gshm_create_with(g, w[2], number(w[3]), (unsigned)number(w[4]), &options);
}

/* allocWith SEGMENT SIZE OPTION=VALUE... */
static gshm_addr alloc_with(struct command *c) {
  gshm_alloc_options options = {0};
  for (int i = 4; i < WORDS_MAX; i++) {
    char *word = c->words[i], *value = strchr(word, '=');
    if (!value) continue;
    *value++ = 0;
    if (!strcmp(word, "align")) options.align = number(value);
    else if (!strcmp(word, "home")) options.home = GSHM_HOME(strtoll(value, NULL, 0));
    else if (!strcmp(word, "apart")) options.apart = (int)number(value);
    else _exit(3);
  }
  return gshm_alloc_with(segment(c), number(c->words[3]), &options);
}

/* Overwrites all that is mapped of the memfd NAME; gives its length. */
static uint64_t scribble(const char *name, int byte) {
  char line[512];
  uint64_t bytes = 0;
  FILE *maps = fopen("/proc/self/maps", "re");
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    if (!strstr(line, name) || sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
    memset((void *)from, byte, to - from);
    bytes += to - from;
  }
  if (maps) fclose(maps);
  return bytes;
}

/* Its eventfds block from now on, for the daemon as well; gives how many it has. */
static uint64_t block_bells(void) {
  uint64_t count = 0;
  for (int fd = 3; fd < 64; fd++) {
    char path[64], link[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, link, sizeof link - 1) < 0 || !strstr(link, "[eventfd]")) continue;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0) count++;
  }
  return count;
}

/* scribble SEGMENT BYTE: the control pages of the segment's heap */
static uint64_t scribble_heap(const gshm_segment *s, int byte) {
  char name[64];
  snprintf(name, sizeof name, "gshm-heap:%u ", gshm_id(s)); /* the blank: of " (deleted)" */
  return scribble(name, byte);
}

/* Threads that end as programs do not expect it: in a destructor that comes after the library's, or cancelled. */
static pthread_key_t late;
static void lock_late(void *name) { gshm_lock(g, name); }
static void *ends_late(void *name) {
  if (gshm_lock(g, "first") != 0 || gshm_unlock(g, "first") != 0) return NULL;
  pthread_setspecific(late, name);
  return NULL;
}
static void *waits(void *name) {
  gshm_lock(g, name);
  pthread_testcancel();
  return NULL;
}
/* late | cancelled NAME: 0 when that thread has been started, and for `late` has ended */
static int strange_end(const char *how, char *name) {
  pthread_t thread;
  int is_late = strcmp(how, "late") == 0;
  if (is_late && pthread_key_create(&late, lock_late) != 0) return -1;
  if (pthread_create(&thread, NULL, is_late ? ends_late : waits, strdup(name)) != 0) return -1;
  return is_late ? pthread_join(thread, NULL) : pthread_cancel(thread) | pthread_detach(thread);
}

/* A hostile thread: random words all over the lock words NAME (gshm-locks:N), for ever. */
static void *scrawl(void *name) {
  char line[512];
  unsigned long from = 0, to = 0;
  FILE *maps = fopen("/proc/self/maps", "re");
  while (maps && fgets(line, sizeof line, maps))
    if (strstr(line, (const char *)name) && sscanf(line, "%lx-%lx", &from, &to) == 2) break;
  if (maps) fclose(maps);
  if (from == to) _exit(3);
  volatile uint64_t *words = (volatile uint64_t *)from;
  const uint64_t near = 8192; /* the rung bits of all, and the words of the first slots */
  for (uint64_t draw = 1;; draw = draw * 6364136223846793005u + 1442695040888963407u) {
    words[(draw >> 33) % 2048] = ~0ull;
    words[2048 + (draw >> 33) % near] = draw;
  }
  return NULL;
}

static void model(struct command *c) {
  gshm_stat_t stat;
  if (gshm_stat(g, c->words[2], &stat) != 0) return failed(c);
  say("%s ok %s %s %u %u %u\n", c->words[0], stat.consistency, stat.manager, stat.unit, stat.homes, stat.home);
}

static int64_t timeout_of(const char *word) { return *word ? strtoll(word, NULL, 0) : GSHM_FOREVER; }

static enum gshm_kind kind_of(const char *word) {
  if (!strcmp(word, "rwlock")) return GSHM_RWLOCK;
  if (!strcmp(word, "semaphore")) return GSHM_SEMAPHORE;
  if (!strcmp(word, "condition")) return GSHM_CONDITION;
  if (!strcmp(word, "counter")) return GSHM_COUNTER;
  if (!strcmp(word, "barrier")) return GSHM_BARRIER;
  return !strcmp(word, "mutex") ? GSHM_MUTEX : (enum gshm_kind)9;
}

static unsigned shape_of(const char *word) {
  if (!strcmp(word, "tree")) return GSHM_BARRIER_TREE;
  return !strcmp(word, "central") ? GSHM_BARRIER_CENTRAL : (unsigned)number(word);
}

/* Waits at a condition once, with its mutex; that a holder of it was killed does not matter here. */
static int wait_once(gshm_key condition, gshm_key mutex, int64_t timeout) {
  if (gshm_mutex_lock(g, mutex, GSHM_FOREVER) != 0 && errno != EOWNERDEAD) return -1;
  int status = gshm_condition_wait(g, condition, mutex, timeout);
  if (status != 0 && errno == EOWNERDEAD) status = 0;
  int error = errno;
  gshm_mutex_unlock(g, mutex);
  errno = error;
  return status;
}

/* KEY is a name, #NUMBER or @ADDRESS. */
static gshm_key key_of(const char *word) {
  if (*word == '#') return gshm_numbered(number(word + 1));
  return *word == '@' ? gshm_located(number(word + 1)) : gshm_named(word);
}

/* Reader-writer locks, semaphores, conditions, counters, words. */
static int objects(struct command *c) {
  char **w = c->words;
  const char *name = w[1];
  gshm_key key = key_of(w[2]);
  if (!strcmp(name, "read")) result(c, gshm_rwlock_read(g, key, timeout_of(w[3])));
  else if (!strcmp(name, "write")) result(c, gshm_rwlock_write(g, key, timeout_of(w[3])));
  else if (!strcmp(name, "rwunlock")) result(c, gshm_rwlock_unlock(g, key));
  else if (!strcmp(name, "semopen")) result(c, gshm_semaphore_open(g, key, (uint32_t)number(w[3])));
  else if (!strcmp(name, "take")) result(c, gshm_semaphore_wait(g, key, timeout_of(w[3])));
  else if (!strcmp(name, "post")) result(c, gshm_semaphore_post(g, key, (uint32_t)number(w[3])));
  else if (!strcmp(name, "units")) {
    uint32_t units;
    if (gshm_semaphore_value(g, key, &units) != 0) failed(c);
    else ok(c, units);
  } else if (!strcmp(name, "condwait")) result(c, wait_once(key, gshm_named(w[3]), timeout_of(w[4])));
  else if (!strcmp(name, "condwaitUnlocked")) result(c, gshm_condition_wait(g, key, gshm_named(w[3]), timeout_of(w[4])));
  else if (!strcmp(name, "signal")) result(c, gshm_condition_signal(g, key));
  else if (!strcmp(name, "broadcast")) result(c, gshm_condition_broadcast(g, key));
  else if (!strcmp(name, "count")) {
    int64_t before;
    if (gshm_counter_add(g, key, strtoll(w[3], NULL, 0), &before) != 0) failed(c);
    else say("%s ok %lld\n", w[0], (long long)before);
  } else if (!strcmp(name, "meet")) {
    result(c, gshm_barrier_wait(g, key, (uint32_t)number(w[3]), shape_of(w[5]), timeout_of(w[4])));
  } else if (!strcmp(name, "destroy")) {
    result(c, gshm_destroy(g, kind_of(w[3]), key));
  } else if (!strcmp(name, "waitword")) {
    int how = gshm_wait(g, pointer(w[2]), (uint32_t)number(w[3]), timeout_of(w[4]));
    how < 0 ? failed(c) : ok(c, (uint64_t)how);
  } else if (!strcmp(name, "notify")) {
    int64_t woken = gshm_notify(g, pointer(w[2]), (uint32_t)number(w[3]));
    woken < 0 ? failed(c) : ok(c, (uint64_t)woken);
  } else return 0;
  return 1;
}

/* What gshm.h offers. */
static int api(struct command *c) {
  char **w = c->words;
  const char *name = w[1];
  if (!strcmp(name, "attach")) mapped(c, g = gshm_attach(*w[2] ? w[2] : NULL));
  else if (!strcmp(name, "detach")) result(c, gshm_detach(g));
  else if (!strcmp(name, "node")) ok(c, gshm_node(g));
  else if (!strcmp(name, "create")) keep(c, gshm_create(g, w[2], number(w[3]), (unsigned)number(w[4])));
  else if (!strcmp(name, "createWith")) keep(c, create_with(w));
  else if (!strcmp(name, "open")) keep(c, gshm_open(g, w[2], (unsigned)number(w[3])));
  else if (!strcmp(name, "resize")) result(c, gshm_resize(segment(c), number(w[3])));
  else if (!strcmp(name, "size")) ok(c, gshm_size(segment(c)));
  else if (!strcmp(name, "maxSize")) ok(c, gshm_max_size(segment(c)));
  else if (!strcmp(name, "close")) result(c, gshm_close(segment(c)));
  else if (!strcmp(name, "unlink")) result(c, gshm_unlink(g, w[2]));
  else if (!strcmp(name, "model")) model(c);
  else if (!strcmp(name, "stat")) {
    gshm_stat_t stat;
    if (gshm_stat(g, w[2], &stat) != 0) failed(c);
    else say("%s ok %llu %llu %u\n", w[0], (unsigned long long)stat.size, (unsigned long long)stat.heap_bytes, stat.linked);
  } else if (!strcmp(name, "map")) mapped(c, gshm_map(segment(c), pointer(w[3]), number(w[4]), number(w[5])));
  else if (!strcmp(name, "unmap")) result(c, gshm_unmap(g, pointer(w[2])));
  else if (!strcmp(name, "pointer")) mapped(c, gshm_pointer(g, number(w[2])));
  else if (!strcmp(name, "address")) {
    gshm_addr at = gshm_address(g, pointer(w[2]));
    at == 0 ? failed(c) : ok(c, at);
  } else if (!strcmp(name, "at")) {
    gshm_addr at = gshm_at(segment(c), number(w[3]));
    at == 0 ? failed(c) : ok(c, at);
  }
  else if (!strcmp(name, "alloc")) {
    gshm_addr at = gshm_alloc(segment(c), number(w[3]));
    at == 0 ? failed(c) : ok(c, at);
  } else if (!strcmp(name, "allocWith")) {
    gshm_addr at = alloc_with(c);
    at == 0 ? failed(c) : ok(c, at);
  } else if (!strcmp(name, "scribble")) ok(c, scribble_heap(segment(c), (int)number(w[3])));
  else if (!strcmp(name, "scribbletrap")) ok(c, scribble("memfd:gshm-trap ", (int)number(w[2])));
  else if (!strcmp(name, "blockbells")) ok(c, block_bells());
  else if (!strcmp(name, "realloc")) {
    gshm_addr at = gshm_realloc(segment(c), number(w[3]), number(w[4]));
    at == 0 ? failed(c) : ok(c, at);
  } else if (!strcmp(name, "free")) result(c, gshm_free(segment(c), number(w[3])));
  else if (!strcmp(name, "acquire")) result(c, gshm_acquire(segment(c), number(w[3]), number(w[4])));
  else if (!strcmp(name, "release")) result(c, gshm_release(segment(c), number(w[3]), number(w[4])));
  else if (!strcmp(name, "lock")) result(c, gshm_lock(g, w[2]));
  else if (!strcmp(name, "unlock")) result(c, gshm_unlock(g, w[2]));
  else if (!strcmp(name, "mutex")) result(c, gshm_mutex_lock(g, key_of(w[2]), timeout_of(w[3])));
  else if (!strcmp(name, "mutexunlock")) result(c, gshm_mutex_unlock(g, key_of(w[2])));
  else if (!strcmp(name, "scrawl")) {
    pthread_t thread;
    result(c, pthread_create(&thread, NULL, scrawl, strdup(w[2])));
  }
  else if (!strcmp(name, "late") || !strcmp(name, "cancelled")) result(c, strange_end(name, w[2]));
  else if (!strcmp(name, "mutexcycles")) { /* lock and unlock KEY COUNT times */
    int status = 0;
    for (uint64_t i = 0; i < number(w[3]) && status == 0; i++) {
      status = gshm_mutex_lock(g, key_of(w[2]), GSHM_FOREVER);
      if (status == 0) status = gshm_mutex_unlock(g, key_of(w[2]));
    }
    result(c, status);
  }
  else if (!strcmp(name, "lockn")) result(c, gshm_lock_n(g, number(w[2])));
  else if (!strcmp(name, "unlockn")) result(c, gshm_unlock_n(g, number(w[2])));
  else if (!strcmp(name, "barrier")) result(c, gshm_barrier(g, w[2], (uint32_t)number(w[3])));
  else return objects(c);
  return 1;
}

/* Reads and writes a word again and again, through SIGBUS, until it is there: what it had. */
static uint64_t insist(volatile uint64_t *word, uint64_t value) {
  (void)sigsetjmp(on_sigbus, 1); /* from here again */
  uint64_t before = *word;
  *word = value;
  return before;
}

/* Adds 1 to a word, by plain loads and stores of one thread, until `seconds` have passed. */
static uint64_t increments(volatile uint64_t *word, double seconds) {
  double end = now() + seconds;
  uint64_t count = 0;
  do {
    for (int i = 0; i < 100; i++, count++) __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
  } while (now() < end);
  return count;
}

/* Adds 1 to the first word of each page, from the first to the last, that many times. */
static void sweep(volatile uint64_t *words, uint64_t pages, uint64_t rounds) {
  while (rounds-- > 0)
    for (uint64_t page = 0; page < pages; page++) __atomic_fetch_add(words + page * 512, 1, __ATOMIC_RELAXED);
}

/* Frees bytes of the frames that a segment's descriptor names, as only a hostile program does. */
static int punch(const char *id, uint64_t offset, uint64_t length) {
  char wanted[64], path[64], target[64];
  snprintf(wanted, sizeof wanted, "/memfd:gshm:%s (deleted)", id);
  for (int fd = 3; fd < 1024; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0) continue;
    target[size] = 0;
    if (strcmp(target, wanted) != 0) continue;
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
  }
  errno = ENOENT;
  return -1;
}

/* Memory and system calls. */
static int memory(struct command *c) {
  char **w = c->words;
  const char *name = w[1];
  if (!strcmp(name, "get")) ok(c, *word_at(w[2]));
  else if (!strcmp(name, "put")) *word_at(w[2]) = number(w[3]), ok(c, 0);
  else if (!strcmp(name, "add")) ok(c, __atomic_fetch_add(word_at(w[2]), number(w[3]), __ATOMIC_SEQ_CST));
  else if (!strcmp(name, "sweep")) sweep(word_at(w[2]), number(w[3]), number(w[4])), ok(c, 0);
  else if (!strcmp(name, "insist")) ok(c, insist(word_at(w[2]), number(w[3])));
  else if (!strcmp(name, "increment")) ok(c, increments(word_at(w[2]), atof(w[3])));
  else if (!strcmp(name, "fill")) memset(pointer(w[2]), (int)number(w[4]), number(w[3])), ok(c, 0);
  else if (!strcmp(name, "wrong")) { /* how many of LENGTH bytes are not BYTE */
    uint64_t wrong = 0;
    const unsigned char *bytes = pointer(w[2]);
    for (uint64_t i = 0; i < number(w[3]); i++) wrong += bytes[i] != number(w[4]);
    ok(c, wrong);
  } else if (!strcmp(name, "readfile")) {
    int fd = open(w[2], O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, pointer(w[3]), number(w[4]));
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    n < 0 ? failed(c) : ok(c, (uint64_t)n);
  } else if (!strcmp(name, "mmap")) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (number(w[2]) ? MAP_FIXED_NOREPLACE : 0);
    mapped(c, mmap(pointer(w[2]), number(w[3]), PROT_READ | PROT_WRITE, flags, -1, 0));
  } else if (!strcmp(name, "mremap")) {
    int fixed = *w[5] ? MREMAP_FIXED : 0;
    mapped(c, mremap(pointer(w[2]), number(w[3]), number(w[4]), MREMAP_MAYMOVE | fixed, pointer(w[5])));
  } else if (!strcmp(name, "munmap")) result(c, munmap(pointer(w[2]), number(w[3])));
  else if (!strcmp(name, "dontneed")) result(c, madvise(pointer(w[2]), number(w[3]), MADV_DONTNEED));
  else if (!strcmp(name, "remove")) result(c, madvise(pointer(w[2]), number(w[3]), MADV_REMOVE));
  else if (!strcmp(name, "mprotect")) result(c, mprotect(pointer(w[2]), number(w[3]), (int)number(w[4])));
  else if (!strcmp(name, "overmap")) {
    mapped(c, mmap(pointer(w[2]), number(w[3]), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  } else if (!strcmp(name, "punch")) result(c, punch(w[2], number(w[3]), number(w[4])));
  else return 0;
  return 1;
}

/* Reads this process's userfaultfd as its daemon would until a fork event comes, and closes the
 * child's: so does a daemon that dies at that very moment. */
static void *lose_child(void *unused) {
  char path[32], target[64];
  for (int fd = 3; fd < 1024; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) continue;
    target[length] = 0;
    if (strcmp(target, "anon_inode:[userfaultfd]") != 0) continue;
    struct uffd_msg message;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    do poll(&ready, 1, -1);
    while (read(fd, &message, sizeof message) != sizeof message || message.event != UFFD_EVENT_FORK);
    close((int)message.arg.fork.ufd);
    break;
  }
  return unused;
}

static pid_t forked(const char *how) {
  if (!strcmp(how, "rawfork")) return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (!strcmp(how, "fork")) return fork();
  pthread_t thread; /* unguarded */
  if (pthread_create(&thread, NULL, lose_child, NULL) != 0) return -1;
  pid_t child = fork();
  if (child > 0) pthread_join(thread, NULL);
  return child;
}

/* The process itself. */
static int process(struct command *c) {
  char **w = c->words;
  const char *name = w[1];
  if (!strcmp(name, "fork") || !strcmp(name, "rawfork") || !strcmp(name, "unguarded")) {
    pid_t child = forked(name);
    if (child == 0) {
      close(control);
      hello();
      return 1;
    }
    child < 0 ? failed(c) : ok(c, (uint64_t)child);
  } else if (!strcmp(name, "wait")) {
    int status;
    waitpid((pid_t)number(w[2]), &status, 0) < 0 ? failed(c) : ok(c, (uint64_t)status);
  } else if (!strcmp(name, "exec")) {
    execlp("sleep", "sleep", "1000", (char *)NULL);
    failed(c);
  } else if (!strcmp(name, "nofile")) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = number(w[2]);
    result(c, setrlimit(RLIMIT_NOFILE, &limit));
  } else if (!strcmp(name, "become")) { /* another user, with the groups GID and those that follow */
    gid_t groups[WORDS_MAX];
    size_t count = 0;
    for (int i = 4; i < WORDS_MAX && *w[i]; i++) groups[count++] = (gid_t)number(w[i]);
    int left = setgroups(count, groups) != 0 || setgid((gid_t)number(w[3])) != 0 || setuid((uid_t)number(w[2])) != 0;
    result(c, left ? -1 : 0);
  } else if (!strcmp(name, "exit")) _exit((int)number(w[2]));
  else return 0;
  return 1;
}

static void execute(struct command *c) {
  if (sigsetjmp(on_sigbus, 1) != 0) {
    sigbus_expected = 0;
    say("%s sigbus\n", c->words[0]);
    return;
  }
  if (process(c)) return;
  sigbus_expected = 1;
  if (!api(c) && !memory(c)) say("%s err 0 unknown command %s\n", c->words[0], c->words[1]);
  sigbus_expected = 0;
}

static void *in_thread(void *argument) {
  execute(argument);
  free(argument);
  return NULL;
}

static void parse(struct command *c, const char *line) {
  static char empty[1];
  snprintf(c->line, sizeof c->line, "%s", line);
  char *rest = c->line;
  for (int i = 0; i < WORDS_MAX; i++) {
    char *word = strtok_r(rest, " \n", &rest);
    c->words[i] = word == NULL || strcmp(word, "''") == 0 ? empty : word;
  }
}

/* One line from the control socket, byte by byte: a forked child must find nothing half read. */
static int read_line(char *line, size_t size) {
  for (size_t n = 0; n + 1 < size; n++) {
    if (read(control, line + n, 1) != 1) return 0;
    if (line[n] != '\n') continue;
    line[n] = 0;
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: probe SOCKET\n");
    return 2;
  }
  control_path = argv[1];
  signal(SIGBUS, caught_sigbus);
  hello();
  char line[512];
  while (read_line(line, sizeof line)) {
    struct command *c = malloc(sizeof *c);
    if (c == NULL) return 3;
    parse(c, line);
    if (strcmp(c->words[1], "&") != 0) {
      execute(c);
      free(c);
      continue;
    }
    memmove(&c->words[1], &c->words[2], (WORDS_MAX - 2) * sizeof c->words[0]);
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, c) != 0) return 3;
    pthread_detach(thread);
  }
  return 0;
}
