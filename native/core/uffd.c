/* uffd.c: the userfaultfd ioctls, and what their errors mean. See uffd.h. */
#include "uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Below this nothing is mapped (vm.mmap_min_addr's usual value), and the kernel refuses ranges that
 * start lower. */
#define LOWEST_ADDRESS 0x10000ull
#define HIGHEST_ADDRESS (GSHM_ADDRESS_END - GSHM_PAGE_SIZE)

/* The one function that decides what an errno means. */
static int change_of(int error) {
  switch (error) {
    case EEXIST: return GSHM_CHANGE_ALREADY;
    case EAGAIN: return GSHM_CHANGE_AGAIN;
    case ENOENT: /* no registered mapping there (any more) */
    case ESRCH: return GSHM_CHANGE_GONE;
    case EFAULT: return GSHM_CHANGE_HOLE;
    default: return -error;
  }
}

int gshm_uffd_make(int device) {
  int fd = ioctl(device, _IO(0xAA, 0x00) /* USERFAULTFD_IOC_NEW */, O_CLOEXEC | O_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int gshm_uffd_open(void) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) return fd;
  int error = errno;
  /* The device's own access rights replace vm.unprivileged_userfaultfd. */
  int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
  if (device < 0) return -error;
  fd = gshm_uffd_make(device);
  close(device);
  return fd;
}

bool gshm_uffd_is(int fd) {
  char path[48], target[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return false;
  target[length] = 0;
  return strcmp(target, "anon_inode:[userfaultfd]") == 0;
}

int gshm_uffd_api(int fd, uint64_t features, uint64_t *ioctls) {
  struct uffdio_api api = {.api = UFFD_API, .features = features};
  if (ioctl(fd, UFFDIO_API, &api) != 0) return -errno;
  if (ioctls) *ioctls = api.ioctls;
  return 0;
}

int gshm_uffd_features(uint64_t *features) {
  int fd = gshm_uffd_open();
  if (fd < 0) return fd;
  struct uffdio_api api = {.api = UFFD_API, .features = 0};
  int result = ioctl(fd, UFFDIO_API, &api) == 0 ? 0 : -errno;
  close(fd);
  *features = api.features;
  return result;
}

int gshm_uffd_register(int fd, uint64_t address, uint64_t length) {
  struct uffdio_register reg = {
      .range = {.start = address, .len = length},
      .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_WP,
  };
  if (ioctl(fd, UFFDIO_REGISTER, &reg) != 0) return -errno;
  const uint64_t needed = 1ull << _UFFDIO_CONTINUE | 1ull << _UFFDIO_WRITEPROTECT |
                          1ull << _UFFDIO_POISON | 1ull << _UFFDIO_WAKE;
  return (reg.ioctls & needed) == needed ? 0 : -EINVAL;
}

static int protect_range(int fd, uint64_t address, uint64_t length, bool on) {
  struct uffdio_writeprotect change = {
      .range = {.start = address, .len = length},
      .mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
  };
  return ioctl(fd, UFFDIO_WRITEPROTECT, &change) == 0 ? GSHM_CHANGE_OK : change_of(errno);
}

int gshm_uffd_protect(int fd, uint64_t address, uint64_t length, bool on) {
  int what = protect_range(fd, address, length, on);
  if (what != GSHM_CHANGE_GONE || length == GSHM_PAGE_SIZE) return what;
  /* Part of the range is not ours any more, and the kernel has stopped there: what lies behind counts, too. */
  for (uint64_t end = address + length; address < end; address += GSHM_PAGE_SIZE) {
    int now = protect_range(fd, address, GSHM_PAGE_SIZE, on);
    if (now != GSHM_CHANGE_OK && now != GSHM_CHANGE_GONE) return now;
    if (now == GSHM_CHANGE_OK) what = now;
  }
  return what;
}

/* A page of the range is mapped, and the kernel has woken nobody who waits there for more than it allows. */
static int open_mapped(int fd, uint64_t address, uint64_t length, bool writable) {
  if (writable) return gshm_uffd_protect(fd, address, length, false);
  gshm_uffd_wake(fd, address, length);
  return GSHM_CHANGE_OK;
}

int gshm_uffd_resume(int fd, uint64_t address, uint64_t length, bool writable) {
  bool mapped = false, already = false;
  uint64_t most = length; /* of one call */
  while (length > 0) {
    struct uffdio_continue change = {
        .range = {.start = address, .len = length < most ? length : most},
        .mode = writable ? 0 : UFFDIO_CONTINUE_MODE_WP,
    };
    uint64_t done = GSHM_PAGE_SIZE;
    if (ioctl(fd, UFFDIO_CONTINUE, &change) == 0) {
      done = change.range.len;
      mapped = true;
    } else if (change.mapped > 0) { /* stopped after some pages: the next try tells why */
      done = (uint64_t)change.mapped;
      mapped = true;
    } else {
      int what = change_of(errno);
      if (what == GSHM_CHANGE_GONE && most > GSHM_PAGE_SIZE) {
        most = GSHM_PAGE_SIZE; /* the kernel takes one mapping at a time: mprotect has cut this one, or a part is gone */
        continue;
      }
      if (what == GSHM_CHANGE_ALREADY && !already) { /* once, for the rest of the range */
        already = mapped = true;
        int opened = open_mapped(fd, address, length, writable);
        if (opened != GSHM_CHANGE_OK && opened != GSHM_CHANGE_GONE) return opened;
      } else if (what != GSHM_CHANGE_ALREADY && what != GSHM_CHANGE_GONE) {
        return what;
      }
    }
    address += done;
    length -= done;
  }
  if (!mapped) return GSHM_CHANGE_GONE;
  return already ? GSHM_CHANGE_ALREADY : GSHM_CHANGE_OK;
}

static int poison_page(int fd, uint64_t address) {
  struct uffdio_poison poison = {.range = {.start = address, .len = GSHM_PAGE_SIZE}};
  return ioctl(fd, UFFDIO_POISON, &poison) == 0 ? GSHM_CHANGE_OK : change_of(errno);
}

int gshm_uffd_poison(int fd, uint64_t address, uint64_t length) {
  int result = GSHM_CHANGE_GONE;
  for (uint64_t at = address; at < address + length; at += GSHM_PAGE_SIZE) {
    int what = poison_page(fd, at);
    if (what == GSHM_CHANGE_ALREADY) {
      struct uffdio_writeprotect clear = {
          .range = {.start = at, .len = GSHM_PAGE_SIZE},
          .mode = UFFDIO_WRITEPROTECT_MODE_DONTWAKE, /* the poison wakes */
      };
      if (ioctl(fd, UFFDIO_WRITEPROTECT, &clear) != 0) return change_of(errno);
      what = poison_page(fd, at);
    }
    if (what == GSHM_CHANGE_GONE) continue;
    if (what == GSHM_CHANGE_ALREADY) gshm_uffd_wake(fd, at, GSHM_PAGE_SIZE);
    else if (what != GSHM_CHANGE_OK) return what;
    if (what == GSHM_CHANGE_ALREADY || result == GSHM_CHANGE_GONE) result = what;
  }
  return result;
}

int gshm_uffd_wake(int fd, uint64_t address, uint64_t length) {
  struct uffdio_range range = {.start = address, .len = length};
  return ioctl(fd, UFFDIO_WAKE, &range) == 0 ? 0 : -errno;
}

int gshm_uffd_wake_all(int fd) {
  /* UFFDIO_WAKE looks at the waiters, not at mappings: one range may span everything. */
  return gshm_uffd_wake(fd, LOWEST_ADDRESS, HIGHEST_ADDRESS - LOWEST_ADDRESS);
}

bool gshm_uffd_alive(int fd) {
  /* Hardly anything is mapped so high, and write-protecting it would do no harm. Answers ENOENT, or
   * EAGAIN while events are unread, and ESRCH once the memory is gone. */
  struct uffdio_writeprotect probe = {
      .range = {.start = HIGHEST_ADDRESS - GSHM_PAGE_SIZE, .len = GSHM_PAGE_SIZE},
      .mode = UFFDIO_WRITEPROTECT_MODE_WP,
  };
  return ioctl(fd, UFFDIO_WRITEPROTECT, &probe) == 0 || errno != ESRCH;
}
