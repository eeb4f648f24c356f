/* utf8.h: whether bytes are UTF-8, strictly: what is not would become U+FFFD in JavaScript, so two
 * different byte strings would be one name. */
#ifndef GSHM_CORE_UTF8_H
#define GSHM_CORE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/* No overlong forms, no surrogates, nothing beyond U+10FFFF. */
static inline bool gshm_is_utf8(const char *text) {
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  const uint8_t *at = (const uint8_t *)text;
  while (*at) {
    uint8_t first = *at++;
    int more = first < 0x80 ? 0 : first < 0xc0 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : -1;
    if (more < 0) return false;
    uint32_t code = more == 0 ? first : first & (0x3fu >> more);
    for (int i = 0; i < more; i++, at++) {
      if ((*at & 0xc0) != 0x80) return false; /* the terminating zero too */
      code = code << 6 | (*at & 0x3fu);
    }
    if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
  }
  return true;
}

#endif
