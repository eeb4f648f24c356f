/* block.h: what is in a block, and the marks of where blocks are. */
#ifndef GSHM_TESTBED_BLOCK_H
#define GSHM_TESTBED_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "layout.h"

/* Writes the block's header and pattern into `memory`. */
void block_fill(void *memory, const struct slot *block);
/* How many of the first `length` bytes are not what block_fill wrote. */
uint32_t block_wrong(const void *memory, const struct slot *block, uint32_t length);

/* false: somebody else had claimed a part of it. */
bool marks_claim(_Atomic uint8_t *marks, const struct slot *block);
/* false: a part of it had been given back by somebody else. */
bool marks_release(_Atomic uint8_t *marks, const struct slot *block);

#endif
