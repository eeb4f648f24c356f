/* key.c: what locks and the like are called, and how long is waited for them, as programs say it and as frames do. */
#include "client/key.h"

#include "client/process.h"

_Static_assert((int)GSHM_BY_NAME == (int)GSHM_KEY_NAME && (int)GSHM_BY_NUMBER == (int)GSHM_KEY_NUMBER &&
                   (int)GSHM_BY_ADDRESS == (int)GSHM_KEY_ADDRESS,
               "gshm.h has the ABI's kinds of keys");

int gshm_key_frame_of(struct gshm_key_frame *frame, gshm_key key, const char *what) {
  *frame = (struct gshm_key_frame){.kind = key.kind};
  switch (key.kind) {
    case GSHM_BY_NAME: return gshm_copy_name(frame->name, key.name, what);
    case GSHM_BY_ADDRESS:
      if (key.number >> GSHM_OFFSET_BITS == 0)
        return gshm_fail(GSHM_E_INVALID, "%s: 0x%llx is no global address", what, (unsigned long long)key.number);
      frame->number = key.number;
      return 0;
    case GSHM_BY_NUMBER: frame->number = key.number; return 0;
    default:
      return gshm_fail(GSHM_E_INVALID, "%s: a key is made by gshm_named, gshm_numbered or gshm_located", what);
  }
}

int gshm_check_timeout(int64_t timeout_ns, const char *what) {
  if (!gshm_is_no_timeout(timeout_ns)) return 0;
  return gshm_fail(GSHM_E_INVALID, "%s: timeout_ns is %lld: GSHM_FOREVER, 0 or nanoseconds", what, (long long)timeout_ns);
}

int gshm_set_patience(struct gshm_exchange *x, int64_t timeout_ns, const char *what) {
  if (gshm_check_timeout(timeout_ns, what) != 0) return -1;
  x->patience_ns = timeout_ns > 0 ? (uint64_t)timeout_ns : 0;
  return 0;
}
