/* page.h: sizes that everything here agrees on. */
#ifndef GSHM_ABI_PAGE_H
#define GSHM_ABI_PAGE_H

#define GSHM_PAGE_SIZE 4096u
#define GSHM_ADDRESS_END (1ull << 47) /* no mapping lies beyond that did not ask for five-level page tables */

#endif
