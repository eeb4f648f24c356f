/* errors.h: every error a user of globalshm can meet, once, for C and TypeScript.
 *
 * X(NAME, errno, "text"): C sees errno and gshm_strerror(); TypeScript sees code 'ERR_GSHM_NAME'.
 * The numbers travel in reply frames (device.h), so new entries go at the end. */
#ifndef GSHM_ABI_ERRORS_H
#define GSHM_ABI_ERRORS_H

#include <errno.h>

#define GSHM_ERRORS(X)                                                                            \
  X(INVALID, EINVAL, "an argument is out of range")                                               \
  X(MISALIGNED, EINVAL, "address, offset and length must be multiples of the page size")          \
  X(NAME_TOO_LONG, ENAMETOOLONG, "a name has at most 63 bytes")                                   \
  X(NAME_INVALID, EINVAL, "a name has 1 to 63 bytes, none of them '/' or a control character")    \
  X(NOT_FOUND, ENOENT, "no segment of that name")                                                 \
  X(EXISTS, EEXIST, "a segment of that name exists")                                              \
  X(SIZE_MISMATCH, EINVAL, "the segment exists with another size")                                \
  X(BEYOND_END, ERANGE, "the range ends beyond the segment")                                      \
  X(OVERLAP, EADDRINUSE, "the address range is in use")                                           \
  X(NOT_MAPPED, EFAULT, "no view of this process covers that address")                            \
  X(NOT_ALLOCATED, EBADSLT, "that address is not the start of an allocated block")                \
  X(HEAP_FULL, ENOSPC, "no free range of that size is left in the segment")                       \
  X(MEMORY, ENOMEM, "the node's --memory does not allow it")                                      \
  X(UNSUPPORTED, EOPNOTSUPP, "not supported")                                                     \
  X(NO_DAEMON, ECONNREFUSED, "no gshmd listens there: start one (npx gshm up, npx gshm node) or set GSHM_SOCKET") \
  X(DAEMON_LOST, ECONNRESET, "the node's daemon has ended")                                       \
  X(ACCESS, EACCES, "permission denied")                                                          \
  X(NO_USERFAULTFD, EPERM, "userfaultfd is refused: run as root, or set vm.unprivileged_userfaultfd=1") \
  X(NOT_USERFAULTFD, EBADF, "the descriptor passed at registration is no unused userfaultfd")     \
  X(KERNEL_FEATURES, ENOSYS, "the kernel lacks a userfaultfd feature: Linux 6.6 or later is needed") \
  X(ABI_VERSION, EPROTO, "libgshm and gshmd are of different versions")                           \
  X(BAD_FRAME, EBADMSG, "a malformed frame")                                                      \
  X(DESCRIPTORS, EMFILE, "out of file descriptors: raise ulimit -n")                              \
  X(NODE_LOST, EHOSTDOWN, "a node that this needs has been lost")                                 \
  X(OWNER_DEAD, EOWNERDEAD, "the lock is held now, but its last holder died holding it")          \
  X(NOT_HOLDER, EPERM, "the lock is not held by the caller")                                      \
  X(DEADLOCK, EDEADLK, "the caller holds the lock already")                                       \
  X(BARRIER_MISMATCH, EINVAL, "others wait at this barrier with another count")                   \
  X(DETACHED, ENOTCONN, "not attached")                                                           \
  X(LIMIT, EAGAIN, "a bound of the daemon is reached")                                            \
  X(SYSTEM, EIO, "a system call failed")                                                          \
  X(BUSY, EBUSY, "processes still use it")                                                        \
  X(OPTION_MISMATCH, EINVAL, "the segment exists with another option")                            \
  X(TIMEOUT, ETIMEDOUT, "it could not be had in time")

enum gshm_error {
  GSHM_OK = 0,
#define X(name, number, text) GSHM_E_##name,
  GSHM_ERRORS(X)
#undef X
  GSHM_E_COUNT
};

#endif
