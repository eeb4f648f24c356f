/* exit_watch.cc: see exit_watch.h. */
#include "exit_watch.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "arguments.h"

Napi::Function ExitWatch::Define(Napi::Env env) {
  return DefineClass(env, "ExitWatch",
                     {
                         InstanceMethod<&ExitWatch::Kill>("kill"),
                         InstanceMethod<&ExitWatch::Close>("close"),
                         InstanceAccessor<&ExitWatch::Fd>("fd"),
                     });
}

ExitWatch::ExitWatch(const Napi::CallbackInfo& info)
    : ObjectWrap(info), exited_(info.Env(), FunctionOf(info.Env(), info[1], "watchExit: exited"), "gshm:exit") {
  Napi::Env env = info.Env();
  uint64_t pid = UintOf(env, info[0], "pid");
  fd_ = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)); /* close-on-exec */
  if (fd_ < 0) throw SystemError(env, "pidfd_open", errno);
  int result = poll_.Open(env, fd_, [this] { OnExit(); });
  if (result != 0) {
    close(fd_);
    fd_ = -1;
    throw SystemError(env, "uv_poll", -result);
  }
  waiting_ = true;
  Ref();
}

ExitWatch::~ExitWatch() {
  poll_.Close();
  if (fd_ >= 0) close(fd_);
}

/* The pidfd stays open until close(): it may still be wanted for passing on. */
void ExitWatch::OnExit() {
  FromLoop(Env(), [this] {
    poll_.Close();
    waiting_ = false;
    Unref();
    exited_.Call(0, nullptr);
  });
}

void ExitWatch::Kill(const Napi::CallbackInfo& info) {
  if (fd_ >= 0 && syscall(SYS_pidfd_send_signal, fd_, SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
    throw SystemError(info.Env(), "pidfd_send_signal", errno);
}

void ExitWatch::Close(const Napi::CallbackInfo&) {
  poll_.Close();
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  if (waiting_) Unref();
  waiting_ = false;
}

Napi::Value ExitWatch::Fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_); }

static Napi::Value WatchExit(const Napi::CallbackInfo& info) {
  return DataOf(info.Env()).exit_watch.New({info[0], info[1]});
}

Napi::Object InitExitWatch(Napi::Env env, Napi::Object exports) {
  DataOf(env).exit_watch = Napi::Persistent(ExitWatch::Define(env));
  exports.Set("watchExit", Napi::Function::New(env, WatchExit, "watchExit"));
  return exports;
}
