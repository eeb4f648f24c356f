/* userfaultfd.c: how a process comes by a userfaultfd to register with.
 *
 * UFFDIO_API is the daemon's to call: what it asks for, fork events above all, needs its privilege. So it
 * matters only that there is a descriptor, not who was allowed to make it: a process that may not asks the daemon for
 * /dev/userfaultfd, opened by it, and makes one with that. A filter of system calls that knows userfaultfd(2), as
 * containers have, does not refuse this: it is an ioctl. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/process.h"
#include "core/uffd.h"

static bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

/* What the daemon has, or -1 with its reason. */
static int ask_daemon(int connection) {
  struct gshm_hello_request hello = {.kind = GSHM_HELLO_USERFAULTFD};
  struct gshm_hello_reply reply;
  int device = -1;
  return gshm_say_hello(connection, hello, NULL, &device, &reply) == GSHM_EXCHANGED ? device : -1;
}

int gshm_userfaultfd_obtain(int connection) {
  int fd = gshm_uffd_open();
  if (fd >= 0) return fd;
  const int own = -fd;
  if (is_shortage(own)) return gshm_fail_system("userfaultfd", own);
  int device = ask_daemon(connection);
  if (device >= 0) {
    fd = gshm_uffd_make(device);
    close(device);
    if (fd >= 0) return fd;
    if (is_shortage(-fd)) return gshm_fail_system("userfaultfd", -fd);
    return gshm_fail(GSHM_E_NO_USERFAULTFD, "userfaultfd is refused (%s), and also by way of the daemon (%s)",
                     strerror(own), strerror(-fd));
  }
  if (gshm_last_error() != GSHM_E_NO_USERFAULTFD) return -1;
  char why[GSHM_DETAIL_MAX];
  snprintf(why, sizeof why, "%s", gshm_last_detail());
  return gshm_fail(GSHM_E_NO_USERFAULTFD,
                   "userfaultfd is refused to this process (%s): run it as root, set vm.unprivileged_userfaultfd=1, or "
                   "have the daemon hand over /dev/userfaultfd, which it does not: %s",
                   strerror(own), why);
}
