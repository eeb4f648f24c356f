/* Tmk.h: TreadMarks' API over globalshm. Link as `gshm flags --tmk` says; docs/PORTING.md has a whole program, and what each
 * call does here.
 *
 *   gshm run -n 4 -- ./program -d 100          four processes; without gshm run the program is one process
 *
 * Shared memory is of one segment under lazy release consistency (lrc), at the same addresses in every process. What others
 * have written is seen from a barrier, or from the acquisition of a lock that they have released, on. As in
 * TreadMarks whatever goes wrong, but for memory that is used up, ends the process, with a line on standard error. */
#ifndef GSHM_TMK_H
#define GSHM_TMK_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TMK_API __attribute__((visibility("default")))

#define TMK_NPROCS 64     /* processes of a run, at most */
#define TMK_NBARRIERS 32  /* barriers are 0 to 31 */
#define TMK_NLOCKS 1024   /* locks are 0 to 1023 */
#define TMK_NCONDS 4      /* condition variables of a lock, 0 to 3 */

/* From Tmk_startup on. */
TMK_API extern unsigned Tmk_proc_id; /* 0 to Tmk_nprocs - 1: the rank of gshm run */
TMK_API extern unsigned Tmk_nprocs;
TMK_API extern unsigned Tmk_page_size;
TMK_API extern unsigned Tmk_npages;  /* of shared memory: $GSHM_TMK_SIZE, else 64 MiB */

/* Joins the others, and returns when all are there. Arguments behind "--" are TreadMarks' own: -n COUNT must be what gshm run
 * has started; hosts (-h, -f) and whatever else are not looked at. */
TMK_API void Tmk_startup(int argc, char *const *argv);
/* Ends this process; the others go on. */
TMK_API void Tmk_exit(int status) __attribute__((__noreturn__));
/* A line on standard error, and the end, at which gshm run ends the others. */
TMK_API void Tmk_errexit(const char *format, ...) __attribute__((__noreturn__, __format__(__printf__, 1, 2)));
/* The line alone. */
TMK_API void Tmk_err(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* Waits until every process has come to that barrier. */
TMK_API void Tmk_barrier(unsigned barrier);
TMK_API void Tmk_lock_acquire(unsigned lock);
TMK_API void Tmk_lock_release(unsigned lock);
/* Of a lock that the caller holds; wait gives it back meanwhile, and may return without a signal. */
TMK_API void Tmk_lock_cond_wait(unsigned lock, unsigned condition);
TMK_API void Tmk_lock_cond_signal(unsigned lock, unsigned condition);
TMK_API void Tmk_lock_cond_broadcast(unsigned lock, unsigned condition);

/* Shared memory, 16-byte aligned; NULL when there is not enough. */
TMK_API void *Tmk_malloc(size_t size);
/* Any process may free it. NULL: nothing happens. */
TMK_API void Tmk_free(void *block);
/* As Tmk_malloc, of what is never freed. */
TMK_API void *Tmk_sbrk(size_t size);
/* Copies bytes of a private global variable of this process into the same variable of every other one, and returns when it is
 * there. Of shared memory: nothing to do. */
TMK_API void Tmk_distribute(const void *variable, int size);

#ifdef __cplusplus
}
#endif
#endif
