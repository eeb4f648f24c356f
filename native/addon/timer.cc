/* timer.cc: MicroTimer, a TimerFd that calls JavaScript. */
#include "addon.h"
#include "arguments.h"
#include "callback.h"
#include "timer_fd.h"

namespace {

class MicroTimer : public Napi::ObjectWrap<MicroTimer> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "MicroTimer", {RawMethod("arm", Arm), InstanceMethod<&MicroTimer::Close>("close")});
  }

  explicit MicroTimer(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        expired_(info.Env(), FunctionOf(info.Env(), info[0], "MicroTimer: expired"), "gshm:timer") {
    Napi::Env env = info.Env();
    int result = timer_.Open(env, [this, env] { FromLoop(env, [this] { expired_.Call(0, nullptr); }); });
    if (result != 0) throw SystemError(env, "timerfd_create", -result);
    Ref(); /* lives until close(): nobody may hold a reference while it is armed */
  }

 private:
  static napi_value Arm(napi_env env, napi_callback_info info) {
    RawCall<MicroTimer, 1> call(env, info);
    uint64_t microseconds = 0;
    if (!call.self || !ToUint(env, call.arguments[0], &microseconds))
      return ThrowRaw(env, GSHM_E_INVALID, "MicroTimer.arm: microseconds must be a whole number");
    call.self->timer_.Arm(microseconds);
    return nullptr;
  }

  void Close(const Napi::CallbackInfo&) {
    if (!timer_.is_open()) return;
    timer_.Close();
    Unref();
  }

  Callback expired_;
  TimerFd timer_;
};

}  // namespace

Napi::Object InitTimer(Napi::Env env, Napi::Object exports) {
  exports.Set("MicroTimer", MicroTimer::Define(env));
  return exports;
}
