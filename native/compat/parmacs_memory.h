/* parmacs_memory.h: what a job has of libgshm before a program's first call: an attachment, and its segments; and what becomes of the
 * memory in them besides what parmacs.h says. */
#ifndef GSHM_COMPAT_PARMACS_MEMORY_H
#define GSHM_COMPAT_PARMACS_MEMORY_H

#include <stddef.h>

/* The daemon of this node, and what this executable's variables are. */
void gshm_parmacs_attach(void);
/* Rank 0 makes the segments, once all ranks have said who they are; then the others open them. */
void gshm_parmacs_make_memory(void);
void gshm_parmacs_open_memory(void);

/* parmacs_malloc.c: as realloc, of a block of G_MALLOC's. */
void *gshm_parmacs_realloc(void *block, size_t size);

#endif
