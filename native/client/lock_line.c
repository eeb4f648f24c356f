/* lock_line.c: see lock_line.h. */
#include "client/lock_line.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/lock_line.h"

struct gshm_line {
  struct gshm_line *next;
  const void *mutex;
  struct gshm_lock_line_page *page;
  int fd;
  unsigned users;
  bool over;    /* it is in the list no more: its last user lets it go */
  bool waits;   /* a thread waits by it, which alone uses what follows */
  bool ended;   /* nothing comes by it any more */
  unsigned got; /* bytes of the next turn */
  unsigned char bytes[sizeof(uint64_t)];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gshm_line *all;
static _Atomic bool any; /* there may be some: else nobody looks */

static void let_go(struct gshm_line *line) {
  munmap(line->page, sizeof *line->page);
  close(line->fd);
  free(line);
}

/* Takes it out of the list. Holds the lock. */
static void end(struct gshm_line **at) {
  struct gshm_line *line = *at;
  *at = line->next;
  line->over = true;
  shutdown(line->fd, SHUT_RDWR);
  if (line->users == 0) let_go(line);
  any = all != NULL;
}

static bool is_closed(const struct gshm_line *line) {
  return __atomic_load_n(&line->page->closed, __ATOMIC_SEQ_CST) != 0;
}

void gshm_line_begin(const void *mutex, const int fds[2]) {
  struct gshm_line *line = calloc(1, sizeof *line);
  void *page = MAP_FAILED;
  if (line) page = mmap(NULL, sizeof *line->page, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
  close(fds[0]);
  if (page == MAP_FAILED) { /* the daemon is asked */
    close(fds[1]);
    free(line);
    return;
  }
  *line = (struct gshm_line){.mutex = mutex, .page = page, .fd = fds[1]};
  pthread_mutex_lock(&lock);
  for (struct gshm_line **at = &all; *at;) {
    if ((*at)->mutex == mutex || is_closed(*at)) end(at);
    else at = &(*at)->next;
  }
  line->next = all;
  all = line;
  any = true;
  pthread_mutex_unlock(&lock);
}

struct gshm_line *gshm_line_use(const void *mutex, bool waits) {
  if (!any) return NULL;
  pthread_mutex_lock(&lock);
  struct gshm_line **at = &all;
  while (*at && (*at)->mutex != mutex) at = &(*at)->next;
  struct gshm_line *line = *at;
  if (line && is_closed(line)) {
    end(at);
    line = NULL;
  }
  if (line && waits && (line->waits || line->ended)) line = NULL;
  if (line) {
    line->users++;
    if (waits) line->waits = true;
  }
  pthread_mutex_unlock(&lock);
  return line;
}

void gshm_line_leave(struct gshm_line *line, bool waited) {
  if (!line) return;
  pthread_mutex_lock(&lock);
  line->users--;
  if (waited) line->waits = false;
  if (line->over && line->users == 0) let_go(line);
  pthread_mutex_unlock(&lock);
}

uint64_t gshm_line_turn(const struct gshm_line *line) { return __atomic_load_n(&line->page->passes, __ATOMIC_SEQ_CST); }

void gshm_line_pass(struct gshm_line *line, uint64_t turn) {
  ssize_t sent;
  do sent = send(line->fd, &turn, sizeof turn, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent > 0 && sent < (ssize_t)sizeof turn) shutdown(line->fd, SHUT_RDWR); /* else the next would be misread */
  sched_yield(); /* on a CPU that they share, whoever waits there goes first, and the daemons hear of it afterwards */
}

int gshm_line_fd(const struct gshm_line *line) { return line->ended ? -1 : line->fd; }

bool gshm_line_next(struct gshm_line *line, uint64_t *turn) {
  while (!line->ended && line->got < sizeof line->bytes) {
    ssize_t bytes = recv(line->fd, line->bytes + line->got, sizeof line->bytes - line->got, MSG_DONTWAIT);
    if (bytes > 0) line->got += (unsigned)bytes;
    else if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    else if (bytes == 0 || errno != EINTR) line->ended = true;
  }
  if (line->got < sizeof line->bytes) return false;
  line->got = 0;
  __builtin_memcpy(turn, line->bytes, sizeof *turn);
  return true;
}

bool gshm_line_is_mine(const struct gshm_line *line, uint64_t turn, uint32_t holder) {
  return __atomic_load_n(&line->page->awaits, __ATOMIC_SEQ_CST) == turn &&
         __atomic_load_n(&line->page->holder, __ATOMIC_SEQ_CST) == holder;
}

void gshm_line_detached(void) {
  pthread_mutex_lock(&lock);
  while (all) end(&all);
  pthread_mutex_unlock(&lock);
}

void gshm_line_fork_prepare(void) { pthread_mutex_lock(&lock); }
void gshm_line_fork_parent(void) { pthread_mutex_unlock(&lock); }
void gshm_line_fork_child(void) {
  pthread_mutex_init(&lock, NULL);
  while (all) {
    struct gshm_line *line = all;
    all = line->next;
    let_go(line);
  }
  any = false;
}
