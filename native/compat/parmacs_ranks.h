/* parmacs_ranks.h: the ranks that are not 0, between the start of the job and the end of the program. */
#ifndef GSHM_COMPAT_PARMACS_RANKS_H
#define GSHM_COMPAT_PARMACS_RANKS_H

void gshm_parmacs_hold_ranks(void); /* rank 0: none may begin */
void gshm_parmacs_hold_end(void);   /* another: it has not ended */
_Noreturn void gshm_parmacs_serve(void);

#endif
