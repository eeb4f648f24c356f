/* client_shared.h: views of segments inside the memory of SharedArrayBuffers.
 *
 * Node-API cannot make a SharedArrayBuffer over memory that is not V8's, so a segment is mapped over the pages of one
 * that V8 has made (a shared WebAssembly.Memory's: nothing else has whole pages, which stay where they are). The
 * buffer is kept alive for as long as the view is there: V8 must not unmap it, and give its addresses to others. */
#ifndef GSHM_ADDON_CLIENT_SHARED_H
#define GSHM_ADDON_CLIENT_SHARED_H

#include <napi.h>

#include <cstdint>

#include "client/process.h"

/* The whole segment in place of the memory of `bytes`, a Uint8Array over all of such a buffer; where it begins, or
 * 0 with libgshm's error set. When the environment ends, the view does. Throws ERR_GSHM_INVALID if `bytes` is no such
 * array, or not of whole pages. */
uintptr_t ShareView(Napi::Env env, gshm_segment* segment, Napi::Value bytes);

/* V8 may free the memory of the view that began there (0: of any view), if it was in a buffer of this environment. */
void SharedViewGone(Napi::Env env, uintptr_t view);

#endif
