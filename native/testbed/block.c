/* block.c: see block.h and layout.h. */
#include "block.h"

#include <string.h>

/* Starts the generator: the four numbers, mixed (the finaliser of MurmurHash3, A. Appleby). */
static uint32_t mix(uint32_t h, uint32_t value) {
  h ^= value;
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  return h ^ h >> 16;
}

static uint32_t start_of(const struct slot *block) {
  return mix(mix(mix(mix(0x67736d, block->offset), block->size), block->writer), block->serial);
}

/* Numerical Recipes' linear congruential generator; its low byte repeats, so the high bits are used. */
static uint32_t next(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state ^ *state >> 16;
}

static void header_of(uint32_t header[HEADER / 4], const struct slot *block) {
  header[0] = block->offset;
  header[1] = block->size;
  header[2] = block->writer;
  header[3] = block->serial;
}

void block_fill(void *memory, const struct slot *block) {
  uint32_t header[HEADER / 4], state = start_of(block);
  unsigned char *to = memory;
  header_of(header, block);
  memcpy(to, header, HEADER);
  uint32_t at = HEADER;
  for (; at + 4 <= block->size; at += 4) {
    uint32_t word = next(&state);
    memcpy(to + at, &word, 4);
  }
  if (at < block->size) {
    uint32_t word = next(&state);
    memcpy(to + at, &word, block->size - at);
  }
}

static uint32_t differing(const unsigned char *memory, uint32_t word, uint32_t bytes) {
  unsigned char expected[4];
  uint32_t count = 0;
  memcpy(expected, &word, 4);
  for (uint32_t i = 0; i < bytes; i++) count += memory[i] != expected[i];
  return count;
}

uint32_t block_wrong(const void *memory, const struct slot *block, uint32_t length) {
  uint32_t header[HEADER / 4], state = start_of(block), wrong = 0;
  const unsigned char *from = memory;
  header_of(header, block);
  for (uint32_t at = 0; at < length; at += 4) {
    uint32_t word = at < HEADER ? header[at / 4] : next(&state);
    uint32_t bytes = length - at < 4 ? length - at : 4, found = 0;
    memcpy(&found, from + at, bytes);
    if (bytes < 4 || found != word) wrong += differing(from + at, word, bytes);
  }
  return wrong;
}

static bool mark(_Atomic uint8_t *marks, const struct slot *block, uint8_t value) {
  bool all_other = true;
  uint32_t end = (block->offset + block->size + GRANULE - 1) / GRANULE;
  for (uint32_t at = block->offset / GRANULE; at < end; at++)
    if (atomic_exchange(&marks[at], value) == value) all_other = false;
  return all_other;
}

bool marks_claim(_Atomic uint8_t *marks, const struct slot *block) { return mark(marks, block, 1); }
bool marks_release(_Atomic uint8_t *marks, const struct slot *block) { return mark(marks, block, 0); }
