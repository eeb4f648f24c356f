/* lock_line.cc: LockLine, the daemon's end of a line by which a mutex comes to one of its processes (abi/lock_line.h).
 * The line is the process's too; here it is only looked at, and shut. */
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "abi/lock_line.h"
#include "addon.h"
#include "arguments.h"
#include "core/sealed_memfd.h"

namespace {

class LockLine : public Napi::ObjectWrap<LockLine> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "LockLine",
                       {
                           InstanceAccessor<&LockLine::Fds>("fds"),
                           InstanceAccessor<&LockLine::Up>("up"),
                           InstanceMethod<&LockLine::Passes>("passes"),
                           InstanceMethod<&LockLine::Awaits>("awaits"),
                           InstanceMethod<&LockLine::Close>("close"),
                       });
  }

  explicit LockLine(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    Napi::Env env = info.Env();
    std::string name = info[0].ToString();
    int line = FdOf(env, info[1]);
    page_fd_ = gshm_sealed_memfd(name.c_str(), sizeof *page_);
    if (page_fd_ < 0) throw SystemError(env, "memfd_create", -page_fd_);
    void* page = mmap(nullptr, sizeof *page_, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd_, 0);
    if (page == MAP_FAILED) {
      int error = errno;
      close(page_fd_);
      throw SystemError(env, "mmap", error);
    }
    page_ = static_cast<struct gshm_lock_line_page*>(page);
    line_ = line;
  }

  ~LockLine() override { CloseNow(); }

 private:
  Napi::Value Fds(const Napi::CallbackInfo& info) {
    MustBeOpen(info.Env());
    Napi::Array fds = Napi::Array::New(info.Env(), 2);
    fds.Set(0u, Napi::Number::New(info.Env(), page_fd_));
    fds.Set(1u, Napi::Number::New(info.Env(), line_));
    return fds;
  }

  Napi::Value Up(const Napi::CallbackInfo& info) {
    struct pollfd end = {line_, POLLRDHUP, 0};
    return Napi::Boolean::New(info.Env(), page_ && poll(&end, 1, 0) == 0);
  }

  void Passes(const Napi::CallbackInfo& info) {
    MustBeOpen(info.Env());
    __atomic_store_n(&page_->passes, UintOf(info.Env(), info[0], "turn"), __ATOMIC_SEQ_CST);
  }

  void Awaits(const Napi::CallbackInfo& info) {
    MustBeOpen(info.Env());
    __atomic_store_n(&page_->awaits, UintOf(info.Env(), info[0], "turn"), __ATOMIC_SEQ_CST);
    __atomic_store_n(&page_->holder, UintOf(info.Env(), info[1], "holder"), __ATOMIC_SEQ_CST);
  }

  void MustBeOpen(Napi::Env env) const {
    if (!page_) throw MakeError(env, GSHM_E_INVALID, "the LockLine has been closed");
  }

  void Close(const Napi::CallbackInfo&) { CloseNow(); }

  /* Both ends are: whoever waits for the other one finds that. */
  void CloseNow() {
    if (!page_) return;
    __atomic_store_n(&page_->closed, 1, __ATOMIC_SEQ_CST);
    munmap(page_, sizeof *page_);
    page_ = nullptr;
    close(page_fd_);
    shutdown(line_, SHUT_RDWR);
    close(line_);
  }

  int page_fd_ = -1;
  struct gshm_lock_line_page* page_ = nullptr;
  int line_ = -1;
};

}  // namespace

Napi::Object InitLockLine(Napi::Env env, Napi::Object exports) {
  exports.Set("LockLine", LockLine::Define(env));
  return exports;
}
