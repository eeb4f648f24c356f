/* uffd_abi.h: userfaultfd constants that the headers of Debian 12 (Linux 6.1) do not have yet.
 *
 * The kernel's numbers are its ABI; whether the running kernel knows them is asked with
 * gshm_uffd_features() (uffd.h), never from a version. */
#ifndef GSHM_CORE_UFFD_ABI_H
#define GSHM_CORE_UFFD_ABI_H

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#ifndef UFFDIO_CONTINUE_MODE_WP /* Linux 6.4 */
#define UFFDIO_CONTINUE_MODE_WP ((__u64)1 << 1)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED /* Linux 6.4 */
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_POISON /* Linux 6.6 */
#define UFFD_FEATURE_POISON (1 << 14)
#endif
#ifndef _UFFDIO_POISON
#define _UFFDIO_POISON 0x08
struct uffdio_poison {
  struct uffdio_range range;
  __u64 mode;
  __s64 updated; /* bytes done, or a negative errno */
};
#define UFFDIO_POISON _IOWR(UFFDIO, _UFFDIO_POISON, struct uffdio_poison)
#endif

#endif
