// addon.cc: the addon's entry: what JavaScript sees as `native` (ts/native/index.ts).
#include <napi.h>

#include "abi/device.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("abiVersion", Napi::Number::New(env, GSHM_ABI_VERSION));
  return exports;
}

NODE_API_MODULE(gshm, Init)
