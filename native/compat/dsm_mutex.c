/* dsm_mutex.c: pthread's mutexes, of which those in regions are the cluster's. Such a mutex is the lock of its address; in its
 * bytes stands only that dsm_lock_init has been called, so that whoever forgot it is told. */
#define DSM_NO_PTHREAD
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "compat/dsm.h"
#include "compat/dsm_regions.h"

/* Its own address is in it: a copy of a mutex is none. */
struct mark {
  _Atomic uint64_t made, address;
};
_Static_assert(sizeof(struct mark) <= sizeof(pthread_mutex_t), "a mark lies in a mutex");
#define MADE 0x64736d206c6f636bu

/* Marks that this process has seen, each where its address has its place: reading one anew would fetch its page,
 * which others may be writing. */
#define SEEN 256u
static _Atomic uintptr_t seen[SEEN];
static _Atomic uintptr_t *place_of(const void *mutex) { return &seen[(uintptr_t)mutex / sizeof(struct mark) % SEEN]; }

int dsm_lock_init(void *address) {
  dsm_attached("dsm_lock_init");
  if (!dsm_region_of(address, sizeof(pthread_mutex_t)))
    gshm_compat_end(DSM, "dsm_lock_init(%p): not in memory of dsm_open or dsm_reserve", address);
  if ((uintptr_t)address % _Alignof(pthread_mutex_t) != 0)
    gshm_compat_end(DSM, "dsm_lock_init(%p): not aligned as a pthread_mutex_t", address);
  struct mark *mark = address;
  if (mark->made == MADE && mark->address == (uintptr_t)address) return 0; /* a read: the page stays where it is */
  mark->address = (uintptr_t)address;
  mark->made = MADE;
  return 0;
}

/* The region of a mutex of the cluster; NULL: it is pthread's own. */
static const struct dsm_region *region_of(const char *call, pthread_mutex_t *mutex) {
  const struct dsm_region *region = dsm_region_of(mutex, sizeof *mutex);
  if (!region || *place_of(mutex) == (uintptr_t)mutex) return region;
  const struct mark *mark = (const void *)mutex;
  if (mark->made != MADE || mark->address != (uintptr_t)mutex)
    gshm_compat_end(DSM, "%s(%p): dsm_lock_init has not made a lock there", call, (void *)mutex);
  *place_of(mutex) = (uintptr_t)mutex;
  return region;
}

/* What pthread says; what it has no word for ends the program. */
static int answer(const char *call, pthread_mutex_t *mutex, int result) {
  if (result == 0) return 0;
  switch (errno) {
    case EBUSY:
    case EDEADLK:
    case EOWNERDEAD:
    case ETIMEDOUT:
    case EPERM: return errno;
  }
  gshm_compat_end(DSM, "%s(%p): %s", call, (void *)mutex, gshm_strerror(errno));
}

static int take(const char *call, const struct dsm_region *region, pthread_mutex_t *mutex, int64_t timeout_ns) {
  gshm_key key = gshm_located(dsm_global(region, mutex));
  return answer(call, mutex, gshm_mutex_lock(dsm_attached(call), key, timeout_ns));
}

int dsm_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
  return dsm_region_of(mutex, sizeof *mutex) ? dsm_lock_init(mutex) : pthread_mutex_init(mutex, attributes);
}

int dsm_mutex_lock(pthread_mutex_t *mutex) {
  const struct dsm_region *region = region_of("pthread_mutex_lock", mutex);
  return region ? take("pthread_mutex_lock", region, mutex, GSHM_FOREVER) : pthread_mutex_lock(mutex);
}

int dsm_mutex_trylock(pthread_mutex_t *mutex) {
  const struct dsm_region *region = region_of("pthread_mutex_trylock", mutex);
  if (!region) return pthread_mutex_trylock(mutex);
  int error = take("pthread_mutex_trylock", region, mutex, 0);
  return error == EDEADLK ? EBUSY : error; /* as of a mutex that is not recursive */
}

int dsm_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *end) {
  const struct dsm_region *region = region_of("pthread_mutex_timedlock", mutex);
  if (!region) return pthread_mutex_timedlock(mutex, end);
  if (end->tv_nsec < 0 || end->tv_nsec >= 1000000000) return EINVAL;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t left = (int64_t)(end->tv_sec - now.tv_sec) * 1000000000 + (end->tv_nsec - now.tv_nsec);
  int error = take("pthread_mutex_timedlock", region, mutex, left > 0 ? left : 0);
  return error == EBUSY ? ETIMEDOUT : error;
}

int dsm_mutex_unlock(pthread_mutex_t *mutex) {
  const struct dsm_region *region = region_of("pthread_mutex_unlock", mutex);
  if (!region) return pthread_mutex_unlock(mutex);
  gshm_key key = gshm_located(dsm_global(region, mutex));
  return answer("pthread_mutex_unlock", mutex, gshm_mutex_unlock(dsm_attached("pthread_mutex_unlock"), key));
}

int dsm_mutex_consistent(pthread_mutex_t *mutex) {
  return region_of("pthread_mutex_consistent", mutex) ? 0 : pthread_mutex_consistent(mutex);
}

int dsm_mutex_destroy(pthread_mutex_t *mutex) {
  const struct dsm_region *region = region_of("pthread_mutex_destroy", mutex);
  if (!region) return pthread_mutex_destroy(mutex);
  gshm_key key = gshm_located(dsm_global(region, mutex));
  int error = answer("pthread_mutex_destroy", mutex, gshm_destroy(dsm_attached("pthread_mutex_destroy"), GSHM_MUTEX, key));
  if (error == 0) {
    *place_of(mutex) = 0;
    memset(mutex, 0, sizeof *mutex);
  }
  return error;
}
