/* addon.h: what the addon's files share: the classes' constructors and the list of rooms.
 *
 * Every file adds its part to `exports`; ts/native/index.ts declares the whole. C++ here is thin:
 * it turns JavaScript values into calls of native/core and errnos into errors with a code. */
#ifndef GSHM_ADDON_ADDON_H
#define GSHM_ADDON_ADDON_H

#include <napi.h>

/* Constructors of classes that the addon itself makes objects of, or recognises. */
struct AddonData {
  Napi::FunctionReference fault_channel;
  Napi::FunctionReference frames;
  Napi::FunctionReference device_channel;
  Napi::FunctionReference exit_watch;
  Napi::FunctionReference lock_words;
  Napi::FunctionReference peer_socket;
  Napi::FunctionReference reflexes;
};

inline AddonData& DataOf(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

Napi::Object InitTables(Napi::Env env, Napi::Object exports);
Napi::Object InitFaultChannel(Napi::Env env, Napi::Object exports);
Napi::Object InitFaultPoll(Napi::Env env, Napi::Object exports);
Napi::Object InitFrames(Napi::Env env, Napi::Object exports);
Napi::Object InitHeapPages(Napi::Env env, Napi::Object exports);
Napi::Object InitDiff(Napi::Env env, Napi::Object exports);
Napi::Object InitDevice(Napi::Env env, Napi::Object exports);
Napi::Object InitTimer(Napi::Env env, Napi::Object exports);
Napi::Object InitExitWatch(Napi::Env env, Napi::Object exports);
Napi::Object InitBell(Napi::Env env, Napi::Object exports);
Napi::Object InitDirectBarrier(Napi::Env env, Napi::Object exports);
Napi::Object InitLockLine(Napi::Env env, Napi::Object exports);
Napi::Object InitLockWords(Napi::Env env, Napi::Object exports);
Napi::Object InitKeeperLink(Napi::Env env, Napi::Object exports);
Napi::Object InitReflexes(Napi::Env env, Napi::Object exports);
Napi::Object InitPeerSocket(Napi::Env env, Napi::Object exports);
Napi::Object InitDescriptors(Napi::Env env, Napi::Object exports);
Napi::Object InitClient(Napi::Env env, Napi::Object exports);

#endif
