/* dsm.h: the API of the distributed shared memory of Haven, Holmgren and Fang, over globalshm. Link as `gshm flags --dsm`
 * says. docs/PORTING.md has a whole program, and what each call does here.
 *
 *   dsm_init(id);                              every process, before anything else
 *   dsm_reserve(LOCKS, 4096);                  shared memory at that address, in every process that says so
 *   dsm_open(DATA, 1 << 24);                   the same, and dsm_malloc hands it out
 *   dsm_lock_init(LOCKS);                      a mutex there, in every process
 *   pthread_mutex_lock((pthread_mutex_t *)LOCKS);
 *
 * Memory is sequentially consistent (mrsw), with the manager in one place: node 0's daemon, which runs no part of any
 * program. Pointers into it may be stored in it: it has the same addresses in every process.
 *
 * As in the original no call tells of an error by its result, but for what pthread's own tell (EBUSY, EDEADLK, ...):
 * whatever else goes wrong ends the program with status 1 and a line on standard error, which names what to change. */
#ifndef GSHM_DSM_H
#define GSHM_DSM_H

#include <pthread.h>
#include <stddef.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DSM_API __attribute__((visibility("default")))

typedef unsigned long client_id_t;

/* Attaches this process to its node's daemon. id: from 1 on, for 0 was the manager's; nothing else is made of it. Called
 * again with the same id it does nothing. */
DSM_API void dsm_init(client_id_t id);
/* Shared memory of `size` bytes (rounded up to pages) at `address`, a multiple of the page size where nothing is mapped; NULL:
 * from 0x400000000000 on, one behind the other, in the order of the calls. The first process makes it, of zeros; every
 * other asks for the same size. Gives the address. */
DSM_API void *dsm_open(void *address, size_t size);
/* The same, but dsm_malloc takes nothing of it. */
DSM_API void *dsm_reserve(void *address, size_t size);
/* A block of what dsm_open has opened, 16-byte aligned, for every process that has it open. Never NULL. */
DSM_API void *dsm_malloc(size_t size);
/* Any process may free it. `size` is not looked at. NULL: nothing happens. */
DSM_API void dsm_free(void *block, size_t size);
/* Makes the sizeof(pthread_mutex_t) bytes at `address`, in shared memory, a mutex of the cluster. Every process may say
 * so, or one alone. 0. */
DSM_API int dsm_lock_init(void *address);
/* Everything is unmapped, and dsm_init may be called again. Leaving main() does it too. */
DSM_API void dsm_close(void);

/* pthread's mutexes: one of dsm_lock_init is the cluster's, any other is pthread's own. A holder that has died is told of
 * (EOWNERDEAD, with the mutex held) as of a robust mutex. */
DSM_API int dsm_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
DSM_API int dsm_mutex_lock(pthread_mutex_t *mutex);
DSM_API int dsm_mutex_trylock(pthread_mutex_t *mutex);
DSM_API int dsm_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *end);
DSM_API int dsm_mutex_unlock(pthread_mutex_t *mutex);
DSM_API int dsm_mutex_consistent(pthread_mutex_t *mutex);
DSM_API int dsm_mutex_destroy(pthread_mutex_t *mutex);

/* So that `pthread_mutex_lock(lock)` means that lock, wherever this header is included. */
#ifndef DSM_NO_PTHREAD
#define pthread_mutex_init(mutex, attributes) dsm_mutex_init(mutex, attributes)
#define pthread_mutex_lock(mutex) dsm_mutex_lock(mutex)
#define pthread_mutex_trylock(mutex) dsm_mutex_trylock(mutex)
#define pthread_mutex_timedlock(mutex, end) dsm_mutex_timedlock(mutex, end)
#define pthread_mutex_unlock(mutex) dsm_mutex_unlock(mutex)
#define pthread_mutex_consistent(mutex) dsm_mutex_consistent(mutex)
#define pthread_mutex_destroy(mutex) dsm_mutex_destroy(mutex)
#endif

#ifdef __cplusplus
}
#endif
#endif
