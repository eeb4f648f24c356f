/* direct_barrier.cc: DirectBarrier, the daemon's end of a barrier at which one of its processes meets others by
 * itself (abi/direct.h). The lines are the process's too; here they are only shut. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "abi/direct.h"
#include "addon.h"
#include "arguments.h"
#include "core/fdpass.h"
#include "core/sealed_memfd.h"

namespace {

static_assert(GSHM_DIRECT_MAX <= GSHM_FDS_MAX, "one reply passes the page and the lines of a root");

class DirectBarrier : public Napi::ObjectWrap<DirectBarrier> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "DirectBarrier",
                       {
                           InstanceAccessor<&DirectBarrier::Fds>("fds"),
                           InstanceAccessor<&DirectBarrier::Inside>("inside"),
                           InstanceMethod<&DirectBarrier::Part>("part"),
                           InstanceMethod<&DirectBarrier::Sever>("sever"),
                           InstanceMethod<&DirectBarrier::Close>("close"),
                       });
  }

  explicit DirectBarrier(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    Napi::Env env = info.Env();
    std::string name = info[0].ToString();
    root_ = info[2].ToBoolean();
    Napi::Array lines = info[1].As<Napi::Array>();
    if (lines.Length() < 1 || lines.Length() >= GSHM_DIRECT_MAX || (!root_ && lines.Length() != 1))
      throw MakeError(env, GSHM_E_INVALID, "DirectBarrier: the root has a line to each of the others, and they one to it");
    std::vector<int> fds;
    for (uint32_t i = 0; i < lines.Length(); i++) fds.push_back(FdOf(env, lines.Get(i)));
    page_fd_ = gshm_sealed_memfd(name.c_str(), sizeof *page_);
    if (page_fd_ < 0) throw SystemError(env, "memfd_create", -page_fd_);
    void* page = mmap(nullptr, sizeof *page_, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd_, 0);
    if (page == MAP_FAILED) {
      int error = errno;
      close(page_fd_);
      throw SystemError(env, "mmap", error);
    }
    page_ = static_cast<struct gshm_direct_page*>(page);
    if (root_) page_->state = gshm_direct_state(1);
    lines_ = std::move(fds);
  }

  ~DirectBarrier() override { CloseNow(); }

 private:
  /* The page's, then the lines': to be passed on; they stay this object's. */
  Napi::Value Fds(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    MustBeOpen(env);
    Napi::Array fds = Napi::Array::New(env, lines_.size() + 1);
    fds.Set(0u, Napi::Number::New(env, page_fd_));
    for (size_t i = 0; i < lines_.size(); i++) fds.Set(static_cast<uint32_t>(i) + 1, Napi::Number::New(env, lines_[i]));
    return fds;
  }

  bool IsInside() const { return page_ && __atomic_load_n(&page_->inside, __ATOMIC_SEQ_CST) != 0; }
  Napi::Value Inside(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), IsInside()); }

  /* No episode gets over any more, but for one that is going already. Gives whether the process was in one: then it
   * says so when it is not any more. */
  Napi::Value Part(const Napi::CallbackInfo& info) {
    MustBeOpen(info.Env());
    uint64_t before = __atomic_fetch_or(&page_->state, GSHM_DIRECT_CLOSED, __ATOMIC_SEQ_CST);
    if (root_) {
      uint64_t episode = before >> GSHM_DIRECT_EPISODE_SHIFT;
      /* What the root has sent already means nothing the second time. A line that takes nothing has a process at its
       * other end that does not read: it is on its own. */
      if (before & GSHM_DIRECT_GOING)
        for (int line : lines_) (void)!send(line, &episode, sizeof episode, MSG_NOSIGNAL | MSG_DONTWAIT);
      Shut();
    }
    return Napi::Boolean::New(info.Env(), IsInside());
  }

  /* Who is at the other end is lost: whoever waits for it wakes. */
  void Sever(const Napi::CallbackInfo&) { Shut(); }

  void Shut() {
    for (int line : lines_) shutdown(line, SHUT_RDWR);
  }

  void MustBeOpen(Napi::Env env) const {
    if (!page_) throw MakeError(env, GSHM_E_INVALID, "the DirectBarrier has been closed");
  }

  void Close(const Napi::CallbackInfo&) { CloseNow(); }

  void CloseNow() {
    if (!page_) return;
    munmap(page_, sizeof *page_);
    page_ = nullptr;
    close(page_fd_);
    for (int line : lines_) close(line);
    lines_.clear();
  }

  bool root_ = false;
  int page_fd_ = -1;
  struct gshm_direct_page* page_ = nullptr;
  std::vector<int> lines_;
};

/* A duplicate of a connection's descriptor, for a process: it blocks, and delays nothing. */
Napi::Value TakeLine(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = fcntl(FdOf(env, info[0]), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) throw SystemError(env, "a line: dup", errno);
  int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Napi::Number::New(env, fd);
}

}  // namespace

Napi::Object InitDirectBarrier(Napi::Env env, Napi::Object exports) {
  exports.Set("DirectBarrier", DirectBarrier::Define(env));
  exports.Set("takeLine", Napi::Function::New<TakeLine>(env, "takeLine"));
  return exports;
}
