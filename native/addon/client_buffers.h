/* client_buffers.h: the ArrayBuffers that lie over views of segments.
 *
 * When a view goes its buffers are detached first, so that JavaScript finds them empty instead of
 * touching memory that is somebody else's by then. */
#ifndef GSHM_ADDON_CLIENT_BUFFERS_H
#define GSHM_ADDON_CLIENT_BUFFERS_H

#include <napi.h>

#include <cstdint>

/* An ArrayBuffer over [at, at + length), which lies in the view that starts at `view`. */
Napi::Value MakeViewBuffer(Napi::Env env, uintptr_t view, uintptr_t at, size_t length);

/* Detaches every buffer over `view` (0: over any). Throws ERR_GSHM_UNSUPPORTED, having done nothing,
 * when another worker thread has such a buffer: nobody else may detach it. */
void DetachViewBuffers(Napi::Env env, uintptr_t view);

#endif
