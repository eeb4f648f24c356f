/* frames.h: a segment's frames, for the pager. */
#ifndef GSHM_ADDON_FRAMES_H
#define GSHM_ADDON_FRAMES_H

#include <napi.h>

#include "core/frames.h"

class Frames : public Napi::ObjectWrap<Frames> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Frames(const Napi::CallbackInfo& info);
  ~Frames() override;
  static Frames* From(Napi::Env env, Napi::Value value);
  int fd() const { return frames_.fd; }

 private:
  static napi_value CopyOut(napi_env env, napi_callback_info info);
  static napi_value CopyIn(napi_env env, napi_callback_info info);
  static napi_value Zero(napi_env env, napi_callback_info info);
  static napi_value Punch(napi_env env, napi_callback_info info);
  static napi_value Diff(napi_env env, napi_callback_info info); /* these two in frames_diff.cc */
  static napi_value Patch(napi_env env, napi_callback_info info);
  Napi::Value Present(const Napi::CallbackInfo& info);
  Napi::Value Resident(const Napi::CallbackInfo& info);
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Pages(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  struct gshm_frames frames_ = {-1, 0};
};

#endif
