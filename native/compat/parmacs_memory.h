/* parmacs_memory.h: what a job has of libgshm before a program's first call: an attachment, and its segments. */
#ifndef GSHM_COMPAT_PARMACS_MEMORY_H
#define GSHM_COMPAT_PARMACS_MEMORY_H

/* The daemon of this node, and what this executable's variables are. */
void gshm_parmacs_attach(void);
/* Rank 0 makes the segments, once all ranks have said who they are; then the others open them. */
void gshm_parmacs_make_memory(void);
void gshm_parmacs_open_memory(void);

#endif
