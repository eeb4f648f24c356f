/* keeper_link.cc: KeeperLink, the daemon's end of native/abi/keeper.h. */
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "abi/keeper.h"
#include "addon.h"
#include "arguments.h"
#include "core/fdpass.h"
#include "core/trap.h"
#include "fault_channel.h"
#include "frames.h"

namespace {

class KeeperLink : public Napi::ObjectWrap<KeeperLink> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "KeeperLink",
                       {
                           InstanceMethod<&KeeperLink::AddChannel>("addChannel"),
                           InstanceMethod<&KeeperLink::DropChannel>("dropChannel"),
                           InstanceMethod<&KeeperLink::AddFrames>("addFrames"),
                           InstanceMethod<&KeeperLink::DropFrames>("dropFrames"),
                           InstanceMethod<&KeeperLink::AddLocks>("addLocks"),
                           InstanceMethod<&KeeperLink::DropLocks>("dropLocks"),
                           InstanceMethod<&KeeperLink::Close>("close"),
                       });
  }

  explicit KeeperLink(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    fd_ = FdOf(info.Env(), info[0]);
    /* The keeper only ever reads, so its queue is short: waiting a little for room is cheaper than
     * a queue here that would die with the daemon. */
    struct timeval patience = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  ~KeeperLink() override { CloseNow(); }

 private:
  void Send(Napi::Env env, enum gshm_keeper_kind kind, Napi::Value id, const int* fds, int count) {
    struct gshm_keeper_message message = {kind, 0, UintOf(env, id, "id")};
    int result = gshm_packet_send(fd_, &message, sizeof message, fds, count, 0);
    if (result != 0) throw SystemError(env, "gshm-keeper does not take messages: sendmsg", -result);
  }

  void AddChannel(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    const FaultChannel* channel = FaultChannel::From(env, info[1]);
    int fds[2] = {channel->trap() ? gshm_trap_memory(channel->trap()) : channel->fd(), -1};
    int count = 1;
    if (info[2].IsNumber() && info[2].As<Napi::Number>().DoubleValue() >= 0) fds[count++] = FdOf(env, info[2]);
    Send(env, channel->trap() ? GSHM_KEEPER_ADD_TRAPPED : GSHM_KEEPER_ADD_CHANNEL, info[0], fds, count);
  }

  void DropChannel(const Napi::CallbackInfo& info) {
    Send(info.Env(), GSHM_KEEPER_DROP_CHANNEL, info[0], nullptr, 0);
  }

  void AddFrames(const Napi::CallbackInfo& info) {
    int fd = Frames::From(info.Env(), info[1])->fd();
    Send(info.Env(), GSHM_KEEPER_ADD_FRAMES, info[0], &fd, 1);
  }

  void DropFrames(const Napi::CallbackInfo& info) {
    Send(info.Env(), GSHM_KEEPER_DROP_FRAMES, info[0], nullptr, 0);
  }

  void AddLocks(const Napi::CallbackInfo& info) {
    int fd = FdOf(info.Env(), info[1]);
    Send(info.Env(), GSHM_KEEPER_ADD_LOCKS, info[0], &fd, 1);
  }

  void DropLocks(const Napi::CallbackInfo& info) {
    Send(info.Env(), GSHM_KEEPER_DROP_LOCKS, info[0], nullptr, 0);
  }

  void Close(const Napi::CallbackInfo&) { CloseNow(); }

  void CloseNow() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_ = -1;
};

}  // namespace

Napi::Object InitKeeperLink(Napi::Env env, Napi::Object exports) {
  exports.Set("KeeperLink", KeeperLink::Define(env));
  return exports;
}
