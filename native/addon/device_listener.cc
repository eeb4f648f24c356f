/* device_listener.cc: DeviceListener, the socket that stands for the kernel module's device. */
#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "addon.h"
#include "arguments.h"
#include "device_channel.h"
#include "refusal.h"
#include "timer_fd.h"

namespace {

constexpr int kAcceptsPerWake = 16;
constexpr uint64_t kPauseMicroseconds = 100000;

class DeviceListener : public Napi::ObjectWrap<DeviceListener> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "DeviceListener", {InstanceMethod<&DeviceListener::Close>("close")});
  }

  explicit DeviceListener(const Napi::CallbackInfo& info);
  ~DeviceListener() override { CloseNow(); }

 private:
  void Bind(Napi::Env env);
  void BindLocked(Napi::Env env, const struct sockaddr_un& address);
  void OnReady();
  void OnConnection(int fd);
  void Resume();
  void CloseNow();
  void Close(const Napi::CallbackInfo&) {
    if (fd_ < 0) return;
    CloseNow();
    Unref();
  }

  std::string path_;
  std::shared_ptr<DeviceHandlers> handlers_;
  gid_t group_ = static_cast<gid_t>(-1); /* none is given */
  struct stat bound_ = {};
  int fd_ = -1;
  PollSlot poll_;
  TimerFd pause_;
  Refusal refusal_;
};

DeviceListener::DeviceListener(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  Napi::Env env = info.Env();
  if (!info[0].IsString() || !info[1].IsObject())
    throw MakeError(env, GSHM_E_INVALID, "DeviceListener: (path, handlers) are expected");
  path_ = info[0].As<Napi::String>().Utf8Value();
  handlers_ = std::make_shared<DeviceHandlers>(env, info[1].As<Napi::Object>());
  if (info[2].IsNumber()) group_ = static_cast<gid_t>(UintOf(env, info[2], "group"));
  try {
    Bind(env);
    int result = pause_.Open(env, [this] { Resume(); });
    if (result == 0) result = refusal_.Open(env, [this] { Resume(); });
    if (result == 0) result = poll_.Open(env, fd_, [this] { OnReady(); });
    if (result != 0) throw SystemError(env, "DeviceListener", -result);
  } catch (const Napi::Error&) {
    CloseNow();
    throw;
  }
  Ref();
}

/* Two daemons that start at once must not each take the other's new socket for a dead one's, so
 * everything from the look at the old file to listen() happens under a lock of the folder. */
void DeviceListener::Bind(Napi::Env env) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path)
    throw MakeError(env, GSHM_E_INVALID,
                    "the socket's path must have 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes: " + path_);
  memcpy(address.sun_path, path_.data(), path_.size());
  std::string copy = path_;
  std::string folder = dirname(copy.data());
  int lock = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) throw SystemError(env, "the socket's folder " + folder, errno);
  try {
    if (flock(lock, LOCK_EX) != 0) throw SystemError(env, "flock " + folder, errno);
    BindLocked(env, address);
  } catch (const Napi::Error&) {
    close(lock);
    throw;
  }
  close(lock);
}

/* 0: a dead daemon's socket file; EADDRINUSE: somebody listens, or it is no socket at all. */
int ProbeOld(const struct sockaddr_un& address) {
  struct stat old;
  if (lstat(address.sun_path, &old) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(old.st_mode)) return EADDRINUSE;
  int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return errno;
  bool refused = connect(probe, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) != 0 &&
                 errno == ECONNREFUSED;
  close(probe);
  if (!refused) return EADDRINUSE;
  return unlink(address.sun_path) == 0 || errno == ENOENT ? 0 : errno;
}

void DeviceListener::BindLocked(Napi::Env env, const struct sockaddr_un& address) {
  int error = ProbeOld(address);
  if (error == EADDRINUSE) {
    Napi::Error made = MakeError(env, GSHM_E_SYSTEM, path_ + " is in use: another daemon listens there, or it is no socket");
    made.Set("errno", Napi::Number::New(env, EADDRINUSE));
    throw made;
  }
  if (error != 0) throw SystemError(env, path_, error);
  fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) throw SystemError(env, "socket", errno);
  /* The mode that bind() gives the file, before anybody can see it. */
  if (fchmod(fd_, 0660) != 0 || bind(fd_, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) != 0)
    throw SystemError(env, "bind " + path_, errno);
  if (group_ != static_cast<gid_t>(-1) && chown(address.sun_path, static_cast<uid_t>(-1), group_) != 0) {
    const int refused = errno;
    unlink(address.sun_path);
    if (refused != EPERM) throw SystemError(env, "chown " + path_, refused);
    throw MakeError(env, GSHM_E_ACCESS,
                    "--group: gshmd (uid " + std::to_string(geteuid()) + ") is not in group " + std::to_string(group_) +
                        ": only root gives its socket to a group that it is not in");
  }
  /* And once more without the umask's share. */
  if (chmod(address.sun_path, 0660) != 0 || stat(address.sun_path, &bound_) != 0)
    throw SystemError(env, "chmod " + path_, errno);
  if (listen(fd_, 1024) != 0) throw SystemError(env, "listen " + path_, errno);
}

void DeviceListener::CloseNow() {
  poll_.Close();
  pause_.Close();
  refusal_.Close();
  if (fd_ < 0) return;
  struct stat now;
  bool ours = stat(path_.c_str(), &now) == 0 && now.st_ino == bound_.st_ino && now.st_dev == bound_.st_dev;
  if (ours) unlink(path_.c_str());
  close(fd_);
  fd_ = -1;
}

void DeviceListener::OnReady() {
  for (int i = 0; i < kAcceptsPerWake && fd_ >= 0; i++) {
    int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      OnConnection(fd);
      continue;
    }
    if (errno == EAGAIN) return;
    if (errno == ECONNABORTED || errno == EINTR) continue;
    /* Out of descriptors: tell the next one in the queue, and accept nobody until that is done. */
    poll_.Watch(false);
    if ((errno == EMFILE || errno == ENFILE) && refusal_.Refuse(fd_)) return;
    pause_.Arm(kPauseMicroseconds);
    return;
  }
}

void DeviceListener::Resume() { poll_.Watch(true); }

void DeviceListener::OnConnection(int fd) {
  FromLoop(Env(), [this, fd] {
    Napi::Env env = Env();
    DeviceChannel::Accepted accepted = {fd, {}, handlers_};
    socklen_t length = sizeof accepted.peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &accepted.peer, &length) != 0) {
      close(fd);
      return;
    }
    Napi::Object channel;
    try {
      channel = DataOf(env).device_channel.New({Napi::External<DeviceChannel::Accepted>::New(env, &accepted)});
    } catch (const Napi::Error&) {
      close(fd);
      throw;
    }
    napi_value arguments[] = {channel};
    handlers_->connect.Call(1, arguments);
  });
}

}  // namespace

Napi::Object InitDevice(Napi::Env env, Napi::Object exports) {
  DataOf(env).device_channel = Napi::Persistent(DeviceChannel::Define(env));
  exports.Set("DeviceListener", DeviceListener::Define(env));
  return exports;
}
