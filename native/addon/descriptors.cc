/* descriptors.cc: small functions that make or close descriptors, and the feature probe. */
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "addon.h"
#include "arguments.h"
#include "core/frames.h"
#include "core/uffd.h"

namespace {

Napi::Value SocketPair(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) throw SystemError(env, "socketpair", errno);
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, Napi::Number::New(env, pair[0]));
  result.Set(1u, Napi::Number::New(env, pair[1]));
  return result;
}

void CloseFd(const Napi::CallbackInfo& info) {
  int fd = FdOf(info.Env(), info[0]);
  /* EINTR and the like still close it; EBADF is a caller that closes twice, or something else's. */
  if (close(fd) != 0 && errno == EBADF) throw SystemError(info.Env(), "close", errno);
}

Napi::Value TextFd(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!info[0].IsString()) throw MakeError(env, GSHM_E_INVALID, "textFd: a string is expected");
  std::string text = info[0].As<Napi::String>().Utf8Value();
  int fd = gshm_text_fd("gshm-text", text.data(), text.size());
  if (fd < 0) throw SystemError(env, "memfd_create", -fd);
  return Napi::Number::New(env, fd);
}

const struct {
  uint64_t bit;
  const char* name;
} kFeatures[] = {
    {UFFD_FEATURE_PAGEFAULT_FLAG_WP, "pagefault-flag-wp"},
    {UFFD_FEATURE_MISSING_SHMEM, "missing-shmem"},
    {UFFD_FEATURE_MINOR_SHMEM, "minor-shmem"},
    {UFFD_FEATURE_EVENT_FORK, "event-fork"},
    {UFFD_FEATURE_EVENT_REMAP, "event-remap"},
    {UFFD_FEATURE_EVENT_REMOVE, "event-remove"},
    {UFFD_FEATURE_EVENT_UNMAP, "event-unmap"},
    {UFFD_FEATURE_THREAD_ID, "thread-id"},
    {UFFD_FEATURE_WP_HUGETLBFS_SHMEM, "wp-shmem"},
    {UFFD_FEATURE_WP_UNPOPULATED, "wp-unpopulated"},
    {UFFD_FEATURE_POISON, "poison"},
};

/* What a process needs to register, asked for the way the daemon asks. */
std::string ProbeInto(Napi::Env env, Napi::Array features, Napi::Array missing, bool* opened) {
  int fd = gshm_uffd_open();
  if (fd < 0) return std::string("userfaultfd: ") + strerror(-fd) + ": " + ErrorText(GSHM_E_NO_USERFAULTFD);
  *opened = true;
  uint64_t offered = 0;
  int result = gshm_uffd_features(&offered);
  if (result != 0) {
    close(fd);
    return std::string("UFFDIO_API: ") + strerror(-result);
  }
  for (const auto& feature : kFeatures) {
    Napi::Array& list = offered & feature.bit ? features : missing;
    list.Set(list.Length(), Napi::String::New(env, feature.name));
  }
  if (gshm_uffd_read_nowait_works()) features.Set(features.Length(), Napi::String::New(env, "read-nowait"));
  result = gshm_uffd_api(fd, GSHM_UFFD_NEEDED, nullptr);
  close(fd);
  if (result == -EPERM) return "UFFDIO_API refuses fork events: CAP_SYS_PTRACE is needed (run gshmd as root)";
  if (result != 0) return missing.Length() ? ErrorText(GSHM_E_KERNEL_FEATURES) : std::string("UFFDIO_API: ") + strerror(-result);
  return "";
}

Napi::Value Probe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array features = Napi::Array::New(env), missing = Napi::Array::New(env);
  bool opened = false;
  std::string error = ProbeInto(env, features, missing, &opened);
  Napi::Object result = Napi::Object::New(env);
  result.Set("userfaultfd", opened);
  result.Set("features", features);
  result.Set("missing", missing);
  result.Set("error", error);
  return result;
}

Napi::Value GroupId(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!info[0].IsString()) throw MakeError(env, GSHM_E_INVALID, "groupId: a string is expected");
  std::string name = info[0].As<Napi::String>().Utf8Value();
  std::vector<char> text(1024);
  struct group entry, *found = nullptr;
  int error;
  while ((error = getgrnam_r(name.c_str(), &entry, text.data(), text.size(), &found)) == ERANGE)
    text.resize(text.size() * 2); /* a group with many members */
  if (!found) return env.Undefined();
  return Napi::Number::New(env, found->gr_gid);
}

}  // namespace

Napi::Object InitDescriptors(Napi::Env env, Napi::Object exports) {
  exports.Set("socketPair", Napi::Function::New(env, SocketPair, "socketPair"));
  exports.Set("closeFd", Napi::Function::New(env, CloseFd, "closeFd"));
  exports.Set("textFd", Napi::Function::New(env, TextFd, "textFd"));
  exports.Set("groupId", Napi::Function::New(env, GroupId, "groupId"));
  exports.Set("probe", Napi::Function::New(env, Probe, "probe"));
  return exports;
}
