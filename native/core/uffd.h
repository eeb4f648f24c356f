/* uffd.h: access changes of another process's pages, through its userfaultfd.
 *
 * Addresses and lengths are bytes in the other process, multiples of GSHM_PAGE_SIZE; lengths are not 0.
 * A function that gives `enum gshm_change` gives a negative errno for everything that is a mistake
 * of the caller or of the other process (EINVAL: not aligned, or not a shared mapping). This is the
 * only place where an errno becomes a gshm_change. */
#ifndef GSHM_CORE_UFFD_H
#define GSHM_CORE_UFFD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/page.h"
#include "uffd_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Features without which a process is not registered. */
#define GSHM_UFFD_NEEDED                                                                       \
  ((uint64_t)(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MISSING_SHMEM |                    \
              UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |  \
              UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_THREAD_ID |  \
              UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED |                  \
              UFFD_FEATURE_POISON))

enum gshm_change {
  GSHM_CHANGE_OK = 0,
  GSHM_CHANGE_ALREADY = 1, /* a page was mapped before; its waiters were woken */
  GSHM_CHANGE_AGAIN = 2,   /* the process changes its memory: read its events, then repeat */
  GSHM_CHANGE_GONE = 3,    /* the process, or its mapping of all of that range, is gone */
  GSHM_CHANGE_HOLE = 4,    /* resume: there is no frame to map */
};

/* Opens a userfaultfd (close-on-exec, non-blocking) that can trap the kernel's own accesses.
 * Tries the system call, then /dev/userfaultfd. Gives the descriptor or a negative errno (EPERM). */
int gshm_uffd_open(void);

/* The same by a descriptor of /dev/userfaultfd, whoever opened it: it needs no privilege of this process.
 * Gives the descriptor or a negative errno (ENOTTY: it is no such device). */
int gshm_uffd_make(int device);

/* Whether `fd` is a userfaultfd, used or not. */
bool gshm_uffd_is(int fd);

/* UFFDIO_API with `features`; the range ioctls that the kernel offers go to *ioctls (may be NULL).
 * 0 or a negative errno: EINVAL when the descriptor has been used or a feature is unknown. */
int gshm_uffd_api(int fd, uint64_t features, uint64_t *ioctls);

/* All features the running kernel offers, asked of a userfaultfd of its own; 0 or a negative errno. */
int gshm_uffd_features(uint64_t *features);

/* UFFDIO_REGISTER for missing, minor and write-protect faults. 0 or a negative errno: EINVAL (no
 * shared memory is mapped over the whole range), EBUSY (another userfaultfd has it), EPERM (mapped
 * from a descriptor that is not writable), ENOMEM (the process is gone). */
int gshm_uffd_register(int fd, uint64_t address, uint64_t length);

/* Maps the frames of the range, which must be present in the memfd (HOLE: those before the hole are
 * mapped); wakes the waiters. A page that is mapped already (ALREADY) keeps its access, or becomes
 * writable when `writable`. One system call, unless some page of the range is mapped, or mprotect has
 * cut the range into several mappings. */
int gshm_uffd_resume(int fd, uint64_t address, uint64_t length, bool writable);

/* Sets or clears write-protection. When setting returns no CPU can write; clearing wakes. */
int gshm_uffd_protect(int fd, uint64_t address, uint64_t length, bool on);

/* Makes every page of the range that is not mapped raise SIGBUS when accessed, and wakes the
 * waiters. The caller has punched the frames: a page that is mapped is skipped, but loses its
 * write-protection (which also lies on holes and would keep the poison out). */
int gshm_uffd_poison(int fd, uint64_t address, uint64_t length);

/* Lets the waiters of the range try again. 0 or a negative errno. */
int gshm_uffd_wake(int fd, uint64_t address, uint64_t length);

/* As gshm_uffd_wake, for whatever address anybody may wait at. */
int gshm_uffd_wake_all(int fd);

/* Whether the process (its memory, more exactly: exec ends that too) still exists. */
bool gshm_uffd_alive(int fd);

/* Reads up to `count` messages without ever blocking. Gives how many, 0 when there are none, or a
 * negative errno: EMFILE, ENFILE, ENOMEM mean that a fork event could not be read and is kept. */
int gshm_uffd_read(int fd, struct uffd_msg *messages, size_t count);

/* Whether the kernel can be asked for a read that does not wait (else a timer sees to it: uffd_read.c). */
bool gshm_uffd_read_nowait_works(void);

#ifdef __cplusplus
}
#endif
#endif
