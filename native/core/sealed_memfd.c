/* sealed_memfd.c: see sealed_memfd.h. */
#include "core/sealed_memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int gshm_sealed_memfd(const char *name, uint64_t bytes) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  /* 0600: a descriptor of it cannot be opened again with more rights by another user. */
  if (ftruncate(fd, (off_t)bytes) == 0 && fchmod(fd, 0600) == 0 &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
    return fd;
  int error = -errno;
  close(fd);
  return error;
}
