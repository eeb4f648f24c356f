/* lock_line.h: the lines by which mutexes come to this process, and go (abi/lock_line.h). */
#ifndef GSHM_CLIENT_LOCK_LINE_H
#define GSHM_CLIENT_LOCK_LINE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gshm_line;

/* The mutex has that line from now on, in place of any earlier one. Takes the descriptors: the page's and the line's. */
void gshm_line_begin(const void *mutex, const int fds[2]);
/* The mutex's line, to be left by gshm_line_leave; NULL: it has none, or another thread waits by it and this one would. */
struct gshm_line *gshm_line_use(const void *mutex, bool waits);
/* NULL: nothing. */
void gshm_line_leave(struct gshm_line *line, bool waited);

/* As which turn the mutex is to be passed on: asked before that is decided by its word. */
uint64_t gshm_line_turn(const struct gshm_line *line);
/* It has been passed on as that turn. */
void gshm_line_pass(struct gshm_line *line, uint64_t turn);

/* What to poll for; -1: it has ended. */
int gshm_line_fd(const struct gshm_line *line);
/* The next turn that has come by it. false: none, now. Only by who waits. */
bool gshm_line_next(struct gshm_line *line, uint64_t *turn);
/* The turn is the one that this holder waits for. */
bool gshm_line_is_mine(const struct gshm_line *line, uint64_t turn, uint32_t holder);

/* The registration ends, and with it every line. */
void gshm_line_detached(void);
void gshm_line_fork_prepare(void);
void gshm_line_fork_parent(void);
/* Lines of the parent are none of the child's. */
void gshm_line_fork_child(void);

#ifdef __cplusplus
}
#endif
#endif
