/* exit_watch.h: waits for the end of a process, by pidfd. */
#ifndef GSHM_ADDON_EXIT_WATCH_H
#define GSHM_ADDON_EXIT_WATCH_H

#include <napi.h>

#include "callback.h"
#include "poll_handle.h"

class ExitWatch : public Napi::ObjectWrap<ExitWatch> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit ExitWatch(const Napi::CallbackInfo& info); /* (pid, exited) */
  ~ExitWatch() override;

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  void Kill(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void OnExit();

  Callback exited_;
  int fd_ = -1;
  bool waiting_ = false;
  PollSlot poll_;
};

#endif
