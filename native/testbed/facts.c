/* facts.c: experiments with the kernel's userfaultfd, one operation a line (ts/facts has the words).
 *
 * For each operation on standard input there is one line on standard output: its answer, then what each
 * thread has come to that ended meanwhile (" 0.1=done"). An answer is not given before every thread has
 * either ended its deed or sleeps in it, so it does not depend on who runs first. "reset" begins anew:
 * new frames, two new processes. `0.1` is thread 1 of process 0; the pages are 0 to LAB_PAGES. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/frames.h"
#include "core/uffd.h"
#include "facts_subject.h"

#define PATIENCE_S 10 /* for what takes microseconds */

static struct lab *lab;
static struct gshm_frames frames = {.fd = -1};
static char *plain; /* a mapping of the frames without a userfaultfd */
static int uffd[LAB_VIEWS] = {-1, -1, -1};
static pid_t subjects[2];
static int stat_fd[LAB_VIEWS][LAB_THREADS];
static bool busy[LAB_VIEWS][LAB_THREADS];
/* Neither ends nor sleeps: only "await" waits for it. */
static bool spinning[LAB_VIEWS][LAB_THREADS];

static void die(const char *what) {
  fprintf(stderr, "facts: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void patience(struct timespec *since) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (since->tv_sec == 0) *since = now;
  else if (now.tv_sec - since->tv_sec > PATIENCE_S) errno = ETIMEDOUT, die("a thread neither ends nor sleeps");
  sched_yield();
}

static uint64_t address_of(int page) { return (uint64_t)(uintptr_t)LAB_BASE + (uint64_t)page * GSHM_PAGE_SIZE; }

/* A new laboratory, and the end of the old one. */

static void end_subject(int view) {
  if (subjects[view] == 0) return;
  kill(subjects[view], SIGKILL);
  waitpid(subjects[view], NULL, 0);
  subjects[view] = 0;
}

/* Whoever is left is the forked child, which has become this program's. */
static void end_children(void) {
  int child = lab ? atomic_load(&lab->slots[LAB_VIEWS - 1][0].thread) : 0;
  if (child != 0) kill(child, SIGKILL);
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
}

static void end_all(void) {
  end_subject(0);
  end_subject(1);
  end_children();
  for (int view = 0; view < LAB_VIEWS; view++) {
    if (uffd[view] >= 0) close(uffd[view]);
    uffd[view] = -1;
    for (int thread = 0; thread < LAB_THREADS; thread++) {
      busy[view][thread] = spinning[view][thread] = false;
      if (stat_fd[view][thread] > 0) close(stat_fd[view][thread]);
      stat_fd[view][thread] = 0;
      if (lab) close(lab->slots[view][thread].go), close(lab->slots[view][thread].source);
    }
  }
  gshm_frames_close(&frames);
  if (lab) munmap(lab, sizeof *lab), munmap(plain, LAB_BYTES);
  lab = NULL;
}

static void await_thread(int view, int thread) {
  struct slot *slot = &lab->slots[view][thread];
  struct timespec since = {0};
  while (atomic_load(&slot->thread) == 0) patience(&since);
  char path[64];
  int id = atomic_load(&slot->thread);
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", view < 2 ? subjects[view] : id, id);
  stat_fd[view][thread] = open(path, O_RDONLY | O_CLOEXEC);
  if (stat_fd[view][thread] < 0) die(path);
}

static void take_uffd(int view) {
  if (lab->uffd[view] < 0) errno = -lab->uffd[view], die("userfaultfd");
  int pidfd = (int)syscall(SYS_pidfd_open, subjects[view], 0);
  uffd[view] = (int)syscall(SYS_pidfd_getfd, pidfd, lab->uffd[view], 0);
  close(pidfd);
  if (uffd[view] < 0) die("the subject's userfaultfd");
  errno = -gshm_uffd_api(uffd[view], GSHM_UFFD_NEEDED, NULL);
  if (errno) die("UFFDIO_API");
  errno = -gshm_uffd_register(uffd[view], address_of(0), LAB_BYTES);
  if (errno) die("UFFDIO_REGISTER");
}

static char state_of(int view, int thread) {
  char text[256] = "";
  if (pread(stat_fd[view][thread], text, sizeof text - 1, 0) <= 0) return 'X';
  const char *after = strrchr(text, ')');
  return after ? after[2] : 'X';
}

/* Asleep until its userfaultfd is served: a thread also sleeps for a moment where the kernel has a lock
 * to wait for. A kernel that does not name its functions does not tell the two apart. */
static bool is_asleep(int view, int thread) {
  char state = state_of(view, thread);
  if (state == 'R' || state == 'X') return state == 'X';
  if (access("/proc/kallsyms", F_OK) != 0) return true;
  char path[64], where[64] = "";
  int id = atomic_load(&lab->slots[view][thread].thread);
  snprintf(path, sizeof path, "/proc/%d/wchan", id);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  ssize_t length = read(fd, where, sizeof where - 1);
  close(fd);
  return length > 0 && strstr(where, "userfault");
}

/* Until every thread that has an order has ended it or sleeps in it. Whoever is woken is runnable
 * before the system call that woke it returns, so nobody is seen asleep who will go on. */
static void settle(void) {
  struct timespec since = {0};
  for (int view = 0; view < LAB_VIEWS; view++)
    for (int thread = 0; thread < LAB_THREADS; thread++)
      while (busy[view][thread] && !spinning[view][thread] && !is_asleep(view, thread) &&
             !atomic_load(&lab->slots[view][thread].ended))
        patience(&since);
}

static void order(int view, int thread, enum deed deed, int page, uint64_t value) {
  struct slot *slot = &lab->slots[view][thread];
  slot->deed = deed;
  slot->page = page;
  slot->value = value;
  if (deed == KERNEL_STORE && pwrite(slot->source, &value, sizeof value, 0) != sizeof value) die("pwrite");
  atomic_store(&slot->ended, 0);
  busy[view][thread] = true;
  const uint64_t one = 1;
  if (write(slot->go, &one, sizeof one) != sizeof one) die("eventfd");
  settle();
}

static void reset(void) {
  end_all();
  lab = mmap(NULL, sizeof *lab, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (lab == MAP_FAILED) die("mmap");
  errno = -gshm_frames_open(&frames, "facts", LAB_PAGES);
  if (errno) die("memfd");
  lab->frames = frames.fd;
  plain = mmap(NULL, LAB_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, frames.fd, 0);
  if (plain == MAP_FAILED) die("mmap");
  for (int view = 0; view < LAB_VIEWS; view++)
    for (int thread = 0; thread < LAB_THREADS; thread++) {
      struct slot *slot = &lab->slots[view][thread];
      slot->go = eventfd(0, EFD_CLOEXEC);
      slot->source = memfd_create("facts-source", MFD_CLOEXEC);
      if (slot->go < 0 || slot->source < 0) die("descriptors");
    }
  for (int view = 0; view < 2; view++) {
    subjects[view] = fork();
    if (subjects[view] == 0) subject_main(lab, view);
    if (subjects[view] < 0) die("fork");
  }
  for (int view = 0; view < 2; view++) {
    for (int thread = 0; thread < LAB_THREADS; thread++) await_thread(view, thread);
    take_uffd(view);
    order(view, 0, DISOWN, 0, 0); /* the last reference is ours, as a daemon's may be */
    busy[view][0] = false;
  }
}

/* Operations. */

static const char *name_of(int error) { return error ? strerrorname_np(error) : "ok"; }

static void say_end(int view, int thread) {
  const struct slot *slot = &lab->slots[view][thread];
  uint64_t value = slot->value;
  if (slot->error == -SIGBUS) printf("SIGBUS");
  else if (slot->error == -SIGSEGV) printf("SIGSEGV");
  else if (slot->error != 0) printf("%s", name_of(slot->error));
  else if (slot->deed == KERNEL_LOAD && pread(slot->source, &value, sizeof value, 0) < 0) printf("lost");
  else if (slot->deed == LOAD || slot->deed == KERNEL_LOAD) printf("%llu", (unsigned long long)value);
  else printf("done");
}

static bool collect(int view, int thread) {
  if (!busy[view][thread] || !atomic_load(&lab->slots[view][thread].ended)) return false;
  busy[view][thread] = false;
  return true;
}

static void say_ends(void) {
  settle();
  for (int view = 0; view < LAB_VIEWS; view++)
    for (int thread = 0; thread < LAB_THREADS; thread++)
      if (collect(view, thread)) printf(" %d.%d=", view, thread), say_end(view, thread);
}

static void begin(int view, int thread, enum deed deed, int page, uint64_t value) {
  if (busy[view][thread]) return (void)printf("busy");
  if (stat_fd[view][thread] == 0) return (void)printf("nobody");
  order(view, thread, deed, page, value);
  if (collect(view, thread)) say_end(view, thread);
  else printf("waits");
}

static void say_change(int change) {
  static const char *const words[] = {"ok", "already", "again", "gone", "hole"};
  printf("%s", change >= 0 ? words[change] : name_of(-change));
}

static int raw(int view, int page, const char *what) {
  struct uffdio_range range = {.start = address_of(page), .len = GSHM_PAGE_SIZE};
  struct uffdio_continue resume = {.range = range};
  struct uffdio_writeprotect protect = {.range = range};
  struct uffdio_poison poison = {.range = range};
  if (strcmp(what, "CONTINUE|WP") == 0) resume.mode = UFFDIO_CONTINUE_MODE_WP;
  if (strcmp(what, "WP") == 0) protect.mode = UFFDIO_WRITEPROTECT_MODE_WP;
  int result = what[0] == 'C'               ? ioctl(uffd[view], UFFDIO_CONTINUE, &resume)
               : what[0] == 'P'             ? ioctl(uffd[view], UFFDIO_POISON, &poison)
               : strcmp(what, "WAKE") == 0  ? ioctl(uffd[view], UFFDIO_WAKE, &range)
                                            : ioctl(uffd[view], UFFDIO_WRITEPROTECT, &protect);
  return result == 0 ? 0 : errno;
}

static int page_of(uint64_t address) { return (int)((address - address_of(0)) / GSHM_PAGE_SIZE); }

static void say_fault(int view, const struct uffd_msg *message) {
  uint64_t flags = message->arg.pagefault.flags;
  const struct slot *slots = lab->slots[view];
  int thread = 0;
  while (thread < LAB_THREADS && (uint32_t)atomic_load(&slots[thread].thread) != message->arg.pagefault.feat.ptid)
    thread++;
  printf("%d.%d:%s%s:%d", view, thread,
         flags & UFFD_PAGEFAULT_FLAG_WP      ? "WP"
         : flags & UFFD_PAGEFAULT_FLAG_MINOR ? "MINOR"
                                             : "MISSING",
         flags & UFFD_PAGEFAULT_FLAG_WRITE ? "|WRITE" : "", page_of(message->arg.pagefault.address));
}

static void drain(int view) {
  struct uffd_msg message;
  int count = 0, result;
  while ((result = gshm_uffd_read(uffd[view], &message, 1)) == 1) {
    if (count++) printf(" ");
    switch (message.event) {
      case UFFD_EVENT_PAGEFAULT: say_fault(view, &message); break;
      case UFFD_EVENT_REMOVE: printf("REMOVE:%d", page_of(message.arg.remove.start)); break;
      case UFFD_EVENT_UNMAP: printf("UNMAP:%d", page_of(message.arg.remove.start)); break;
      case UFFD_EVENT_FORK:
        printf("FORK");
        uffd[LAB_VIEWS - 1] = (int)message.arg.fork.ufd;
        await_thread(LAB_VIEWS - 1, 0);
        break;
      default: printf("event %u", message.event);
    }
  }
  if (count == 0) printf("%s", result < 0 ? name_of(-result) : "nothing");
}

/* Of a thread that is not to be looked at while it works. */
static void await_end(int view, int thread) {
  struct timespec since = {0};
  if (!busy[view][thread]) errno = EINVAL, die("a thread that does nothing is awaited");
  while (!atomic_load(&lab->slots[view][thread].ended)) patience(&since);
  spinning[view][thread] = false;
}

/* Page 0 is taken from two processes that write it without pause, and given back, again and again: what
 * of their increments is missing at the end? */
static void race(int rounds) {
  uint64_t seen[2] = {0, 0};
  uint8_t bytes[GSHM_PAGE_SIZE];
  gshm_frames_zero(&frames, 0, 1);
  for (int view = 0; view < 2; view++) {
    gshm_uffd_resume(uffd[view], address_of(0), GSHM_PAGE_SIZE, true);
    struct slot *slot = &lab->slots[view][0];
    slot->deed = HAMMER;
    atomic_store(&slot->ended, 0);
    const uint64_t one = 1;
    if (write(slot->go, &one, sizeof one) != sizeof one) die("eventfd");
    busy[view][0] = true;
  }
  for (int round = 0; round < rounds; round++) {
    struct timespec since = {0};
    for (int view = 0; view < 2; view++) {
      while (atomic_load(&lab->hammered[view]) == seen[view]) patience(&since);
      seen[view] = atomic_load(&lab->hammered[view]);
    }
    for (int view = 0; view < 2; view++) gshm_uffd_protect(uffd[view], address_of(0), GSHM_PAGE_SIZE, true);
    gshm_frames_copy_out(&frames, 0, 1, bytes);
    gshm_frames_punch(&frames, 0, 1);
    gshm_frames_copy_in(&frames, 0, 1, bytes);
    for (int view = 0; view < 2; view++) gshm_uffd_resume(uffd[view], address_of(0), GSHM_PAGE_SIZE, true);
  }
  atomic_store(&lab->stop, 1);
  for (int view = 0; view < 2; view++) await_end(view, 0);
  gshm_frames_copy_out(&frames, 0, 1, bytes);
  uint64_t lost = 0;
  for (int view = 0; view < 2; view++) {
    collect(view, 0);
    lost += atomic_load(&lab->hammered[view]) - ((uint64_t *)(void *)bytes)[view * 8];
  }
  printf("lost %llu", (unsigned long long)lost);
}

/* Of the processor, in the kernel's ticks (utime and stime, fields 14 and 15). */
static long time_used(int view, int thread) {
  char text[256] = "";
  long user = 0, system = 0;
  if (pread(stat_fd[view][thread], text, sizeof text - 1, 0) <= 0) return 0;
  const char *after = strrchr(text, ')');
  if (after) sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
  return user + system;
}

/* A thread in a deed of microseconds that uses this much time goes round in circles. */
#define SPIN_TICKS 5
#define SPIN_S 2

/* Whoever is in a system call may spin, and then looks asleep now and again: the time it uses tells. */
static void send_signal(int view, int thread) {
  const struct slot *slot = &lab->slots[view][thread];
  pid_t process = view < 2 ? subjects[view] : atomic_load(&lab->slots[view][0].thread);
  bool in_call = busy[view][thread] && (slot->deed == KERNEL_LOAD || slot->deed == KERNEL_STORE);
  long before = time_used(view, thread);
  time_t end = time(NULL) + SPIN_S;
  if (syscall(SYS_tgkill, process, atomic_load(&slot->thread), SIGUSR1) != 0)
    return (void)printf("%s", name_of(errno));
  while (in_call && !spinning[view][thread] && !atomic_load(&slot->ended) && time(NULL) <= end) {
    spinning[view][thread] = time_used(view, thread) - before >= SPIN_TICKS;
    sched_yield();
  }
  printf(spinning[view][thread] ? "spins" : "ok");
}

static bool frame_operation(const char *what, uint64_t page, uint64_t value) {
  uint8_t bytes[GSHM_PAGE_SIZE] = {0};
  memcpy(bytes, &value, sizeof value);
  if (strcmp(what, "fill") == 0) {
    printf("%s", name_of(-gshm_frames_copy_in(&frames, page, 1, bytes)));
  } else if (strcmp(what, "punch") == 0) {
    printf("%s", name_of(-gshm_frames_punch(&frames, page, 1)));
  } else if (strcmp(what, "present") == 0) {
    printf("%s", gshm_frames_present(&frames, page, 1) == 1 ? "yes" : "no");
  } else if (strcmp(what, "pread") == 0) {
    gshm_frames_copy_out(&frames, page, 1, bytes);
    memcpy(&value, bytes, sizeof value);
    printf("%llu", (unsigned long long)value);
  } else if (strcmp(what, "plain-load") == 0 && page < LAB_PAGES) {
    printf("%llu", (unsigned long long)*(volatile uint64_t *)(plain + page * GSHM_PAGE_SIZE));
  } else if (strcmp(what, "race") == 0) {
    race((int)page);
  } else {
    return false;
  }
  return true;
}

static bool view_operation(const char *what, int view, int page) {
  uint64_t at = address_of(page);
  if (what[0] >= 'A' && what[0] <= 'Z') printf("%s", name_of(raw(view, page, what)));
  else if (strcmp(what, "resume-read") == 0) say_change(gshm_uffd_resume(uffd[view], at, GSHM_PAGE_SIZE, false));
  else if (strcmp(what, "resume-write") == 0) say_change(gshm_uffd_resume(uffd[view], at, GSHM_PAGE_SIZE, true));
  else if (strcmp(what, "protect") == 0) say_change(gshm_uffd_protect(uffd[view], at, GSHM_PAGE_SIZE, true));
  else if (strcmp(what, "unprotect") == 0) say_change(gshm_uffd_protect(uffd[view], at, GSHM_PAGE_SIZE, false));
  else if (strcmp(what, "poison") == 0) say_change(gshm_uffd_poison(uffd[view], at, GSHM_PAGE_SIZE));
  else if (strcmp(what, "drain") == 0) drain(view);
  else if (strcmp(what, "close") == 0) printf("%s", close(uffd[view]) == 0 ? "ok" : "no"), uffd[view] = -1;
  else if (strcmp(what, "kill") == 0) {
    end_subject(view);
    memset(busy[view], 0, sizeof busy[view]);
    printf("ok");
  } else {
    return false;
  }
  return true;
}

static bool thread_operation(const char *what, int view, int thread, int page, uint64_t value) {
  static const char *const deeds[] = {"load",     "store",  "kernel-load", "kernel-store",
                                      "dontneed", "remove", "unmap",       "fork"};
  if (strcmp(what, "signal") == 0) return send_signal(view, thread), true;
  if (strcmp(what, "await") == 0) return await_end(view, thread), printf("ok"), true;
  for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
    if (strcmp(what, deeds[i]) == 0) return begin(view, thread, (enum deed)i, page, value), true;
  return false;
}

static bool operation(const char *line) {
  char what[32];
  int view, thread = 0, page = 0;
  unsigned long long value = 0;
  if (sscanf(line, "%31s %d.%d %d %llu", what, &view, &thread, &page, &value) >= 3) {
    if (view < 0 || view >= LAB_VIEWS || thread < 0 || thread >= LAB_THREADS) return false;
    if (page < 0 || page > LAB_PAGES) return false;
    return thread_operation(what, view, thread, page, value);
  }
  if (sscanf(line, "%31s v%d %d", what, &view, &page) >= 2) {
    if (view < 0 || view >= LAB_VIEWS || page < 0) return false;
    return view_operation(what, view, page);
  }
  return sscanf(line, "%31s %d %llu", what, &page, &value) >= 2 && page >= 0 && frame_operation(what, (uint64_t)page, value);
}

int main(void) {
  char line[128];
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, "reset") == 0) reset(), printf("ok");
    else if (lab && operation(line)) say_ends();
    else printf("unknown");
    printf("\n");
    fflush(stdout);
  }
  end_all();
  return 0;
}
