/* addon.cc: the module's entry. One line per file of this folder. */
#include "addon.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData());
  InitTables(env, exports);
  InitDescriptors(env, exports);
  InitFaultChannel(env, exports);
  InitFaultPoll(env, exports);
  InitFrames(env, exports);
  InitHeapPages(env, exports);
  InitDiff(env, exports);
  InitDevice(env, exports);
  InitTimer(env, exports);
  InitExitWatch(env, exports);
  InitBell(env, exports);
  InitDirectBarrier(env, exports);
  InitLockLine(env, exports);
  InitLockWords(env, exports);
  InitKeeperLink(env, exports);
  InitPeerSocket(env, exports);
  InitReflexes(env, exports);
  InitClient(env, exports);
  return exports;
}

NODE_API_MODULE(gshm, Init)
