/* bell.cc: Bell, an eventfd that processes write to and the daemon's event loop waits for. */
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "arguments.h"
#include "callback.h"
#include "poll_handle.h"
#include "reflexes.h"
#include "step_aside.h"

namespace {

class Bell : public Napi::ObjectWrap<Bell> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Bell", {InstanceAccessor<&Bell::Fd>("fd"), InstanceMethod<&Bell::Close>("close")});
  }

  explicit Bell(const Napi::CallbackInfo& info)
      : ObjectWrap(info), rang_(info.Env(), FunctionOf(info.Env(), info[0], "Bell: rang"), "gshm:bell") {
    Napi::Env env = info.Env();
    reflexes_ = Reflexes::Optional(env, info[1], &reflexes_object_, "Bell");
    fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd_ < 0) throw SystemError(env, "eventfd", errno);
    int result = poll_.Open(env, fd_, [this, env] { FromLoop(env, [this] { Ring(); }); });
    if (result != 0) {
      CloseNow();
      throw SystemError(env, "Bell", -result);
    }
    poll_.KeepAlive(false);
    Ref(); /* until close(): it may be rung at any time */
  }

  ~Bell() override { CloseNow(); }

 private:
  void Ring() {
    const bool reacted = reflexes_ && reflexes_->OnRing(); /* first: somebody waits for that */
    uint64_t times;
    struct iovec into = {&times, sizeof times};
    /* Processes share its flags and may clear O_NONBLOCK, and may read it before we do: who has rung is to be heard. */
    bool is_bell = preadv2(fd_, &into, 1, -1, RWF_NOWAIT) >= 0 || errno == EAGAIN;
    if (!is_bell && !reacted) return;
    if (reacted) StepAside(Env()); /* as PeerSocket::Read says */
    rang_.Call(0, nullptr);
    if (reflexes_) reflexes_->MustBeKnown(Env());
  }

  void CloseNow() {
    poll_.Close();
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  Napi::Value Fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_); }

  void Close(const Napi::CallbackInfo&) {
    if (fd_ < 0) return;
    CloseNow();
    Unref();
  }

  Callback rang_;
  Napi::ObjectReference reflexes_object_;
  Reflexes* reflexes_ = nullptr;
  int fd_ = -1;
  PollSlot poll_;
};

}  // namespace

Napi::Object InitBell(Napi::Env env, Napi::Object exports) {
  exports.Set("Bell", Bell::Define(env));
  return exports;
}
