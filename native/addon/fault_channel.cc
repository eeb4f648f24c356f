/* fault_channel.cc: see fault_channel.h; what the calls mean: native/core/uffd.h and trap.h. */
#include "fault_channel.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "addon.h"
#include "arguments.h"
#include "core/trap.h"
#include "core/uffd.h"
#include "fault_poll.h"

namespace {

/* address, length, then `Extra` more. */
template <size_t Extra>
struct RangeCall : RawCall<FaultChannel, 2 + Extra> {
  uint64_t address = 0, length = 0;
  bool ok;

  RangeCall(napi_env env, napi_callback_info info, const char* method)
      : RawCall<FaultChannel, 2 + Extra>(env, info) {
    ok = this->self && this->self->fd() >= 0 && ToUint(env, this->arguments[0], &address) &&
         ToUint(env, this->arguments[1], &length) && length > 0;
    if (!ok) ThrowRaw(env, GSHM_E_INVALID, std::string("FaultChannel.") + method + ": closed, or not a range");
  }
};

napi_value ChangeOrThrow(napi_env env, int result, const char* call) {
  if (result < 0) return ThrowSystemRaw(env, call, -result);
  napi_value value = nullptr;
  napi_create_int32(env, result, &value);
  return value;
}

bool BoolOf(napi_env env, napi_value value) {
  bool result = false;
  napi_get_value_bool(env, value, &result);
  return result;
}

/* Does UFFDIO_API on a descriptor that a process has passed. */
void TakeFresh(Napi::Env env, int fd) {
  int result = gshm_uffd_api(fd, GSHM_UFFD_NEEDED, nullptr);
  if (result == 0) return;
  uint64_t offered = 0;
  if (gshm_uffd_features(&offered) == 0 && (offered & GSHM_UFFD_NEEDED) != GSHM_UFFD_NEEDED)
    throw MakeError(env, GSHM_E_KERNEL_FEATURES);
  if (result == -EPERM)
    throw MakeError(env, GSHM_E_NO_USERFAULTFD, "UFFDIO_API refuses fork events: gshmd needs CAP_SYS_PTRACE");
  throw MakeError(env, GSHM_E_NOT_USERFAULTFD);
}

}  // namespace

Napi::Function FaultChannel::Define(Napi::Env env) {
  return DefineClass(env, "FaultChannel",
                     {
                         RawMethod("resume", Resume),
                         RawMethod("protect", Protect),
                         RawMethod("poison", Poison),
                         RawMethod("wake", Wake),
                         RawMethod("revoke", Revoke),
                         InstanceMethod<&FaultChannel::Register>("register"),
                         InstanceMethod<&FaultChannel::Unregister>("unregister"),
                         InstanceMethod<&FaultChannel::Alive>("alive"),
                         InstanceMethod<&FaultChannel::Duplicate>("duplicate"),
                         InstanceMethod<&FaultChannel::Close>("close"),
                         InstanceAccessor<&FaultChannel::Fd>("fd"),
                         InstanceAccessor<&FaultChannel::Trapped>("trapped"),
                         InstanceAccessor<&FaultChannel::Memory>("memory"),
                     });
}

/* The descriptor becomes ours when the constructor returns: one that throws leaves it open. */
FaultChannel::FaultChannel(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  Napi::Env env = info.Env();
  std::string mode = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  if (mode == "trapped") {
    OpenTrap(env, info[0]);
    return;
  }
  int fd = FdOf(env, info[0]);
  if (mode != "fresh" && mode != "forked")
    throw MakeError(env, GSHM_E_INVALID, "FaultChannel: mode must be 'fresh', 'forked' or 'trapped'");
  if (!gshm_uffd_is(fd)) throw MakeError(env, GSHM_E_NOT_USERFAULTFD);
  if (mode == "fresh") TakeFresh(env, fd);
  /* A child's descriptor has the flags that its parent's was opened with. */
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
    throw SystemError(env, "fcntl", errno);
  fd_ = fd;
  fresh_ = mode == "fresh";
}

void FaultChannel::OpenTrap(Napi::Env env, Napi::Value pid) {
  trap_ = gshm_trap_open(static_cast<int>(UintOf(env, pid, "pid")));
  if (!trap_) throw SystemError(env, "the memory of a trapped process", errno);
  fd_ = gshm_trap_bell(trap_);
}

FaultChannel::~FaultChannel() { CloseNow(); }

int FaultChannel::Read(struct uffd_msg* messages, size_t count) const {
  return trap_ ? gshm_trap_read(trap_, messages, count) : gshm_uffd_read(fd_, messages, count);
}

void FaultChannel::CloseNow() {
  if (fd_ < 0) return;
  if (poll_) poll_->Forget(poll_id_);
  if (trap_) gshm_trap_close(trap_);
  else close(fd_);
  trap_ = nullptr;
  fd_ = -1;
}

FaultChannel* FaultChannel::From(Napi::Env env, Napi::Value value) {
  if (value.IsObject() && value.As<Napi::Object>().InstanceOf(DataOf(env).fault_channel.Value()))
    return Unwrap(value.As<Napi::Object>());
  throw MakeError(env, GSHM_E_INVALID, "a FaultChannel is expected");
}

void FaultChannel::Register(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint64_t address = UintOf(env, info[0], "address"), length = UintOf(env, info[1], "length");
  if (address % GSHM_PAGE_SIZE || length % GSHM_PAGE_SIZE || length == 0)
    throw MakeError(env, GSHM_E_MISALIGNED);
  int result = trap_ ? gshm_trap_register(trap_, address, length) : gshm_uffd_register(fd_, address, length);
  switch (-result) {
    case 0: return;
    case EINVAL:
      throw MakeError(env, GSHM_E_INVALID, "the range is not mapped from the segment's memory as a whole");
    case EPERM:
      throw MakeError(env, GSHM_E_ACCESS, "the range is mapped from a descriptor that is not writable");
    case EBUSY:
      throw MakeError(env, GSHM_E_OVERLAP, "another userfaultfd watches a part of the range");
    default: throw SystemError(env, "UFFDIO_REGISTER", -result);
  }
}

void FaultChannel::Unregister(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint64_t address = UintOf(env, info[0], "address"), length = UintOf(env, info[1], "length");
  if (trap_) gshm_trap_unregister(trap_, address, length);
}

napi_value FaultChannel::Resume(napi_env env, napi_callback_info info) {
  RangeCall<1> call(env, info, "resume");
  if (!call.ok) return nullptr;
  bool writable = BoolOf(env, call.arguments[2]);
  struct gshm_trap* trap = call.self->trap_;
  if (trap) return ChangeOrThrow(env, gshm_trap_resume(trap, call.address, call.length, writable), "resume");
  return ChangeOrThrow(env, gshm_uffd_resume(call.self->fd_, call.address, call.length, writable),
                       "UFFDIO_CONTINUE");
}

napi_value FaultChannel::Protect(napi_env env, napi_callback_info info) {
  RangeCall<1> call(env, info, "protect");
  if (!call.ok) return nullptr;
  bool on = BoolOf(env, call.arguments[2]);
  struct gshm_trap* trap = call.self->trap_;
  if (trap && on) return ChangeOrThrow(env, gshm_trap_restrict(trap, call.address, call.length, false), "mprotect");
  if (trap) return ChangeOrThrow(env, gshm_trap_resume(trap, call.address, call.length, true), "resume");
  return ChangeOrThrow(env, gshm_uffd_protect(call.self->fd_, call.address, call.length, on),
                       "UFFDIO_WRITEPROTECT");
}

napi_value FaultChannel::Poison(napi_env env, napi_callback_info info) {
  RangeCall<0> call(env, info, "poison");
  if (!call.ok) return nullptr;
  if (struct gshm_trap* trap = call.self->trap_) {
    int result = gshm_trap_restrict(trap, call.address, call.length, true);
    if (result == GSHM_CHANGE_OK) gshm_trap_poison(trap, call.address, call.length);
    return ChangeOrThrow(env, result, "mprotect");
  }
  return ChangeOrThrow(env, gshm_uffd_poison(call.self->fd_, call.address, call.length), "UFFDIO_POISON");
}

napi_value FaultChannel::Revoke(napi_env env, napi_callback_info info) {
  RangeCall<0> call(env, info, "revoke");
  if (!call.ok) return nullptr;
  struct gshm_trap* trap = call.self->trap_;
  int result = trap ? gshm_trap_restrict(trap, call.address, call.length, true) : GSHM_CHANGE_OK;
  return ChangeOrThrow(env, result, "mprotect");
}

napi_value FaultChannel::Wake(napi_env env, napi_callback_info info) {
  RangeCall<0> call(env, info, "wake");
  if (!call.ok) return nullptr;
  if (struct gshm_trap* trap = call.self->trap_) {
    gshm_trap_wake(trap, call.address, call.length);
    return nullptr;
  }
  int result = gshm_uffd_wake(call.self->fd_, call.address, call.length);
  return result == 0 ? nullptr : ThrowSystemRaw(env, "UFFDIO_WAKE", -result);
}

Napi::Value FaultChannel::Alive(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), fd_ >= 0 && (trap_ ? gshm_trap_alive(trap_) : gshm_uffd_alive(fd_)));
}

Napi::Value FaultChannel::Duplicate(const Napi::CallbackInfo& info) {
  int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw SystemError(info.Env(), "dup", errno);
  return Napi::Number::New(info.Env(), copy);
}

Napi::Value FaultChannel::Trapped(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), trap_); }

Napi::Value FaultChannel::Memory(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), trap_ ? gshm_trap_memory(trap_) : -1);
}

Napi::Value FaultChannel::Fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_); }

void FaultChannel::Close(const Napi::CallbackInfo&) { CloseNow(); }

Napi::Object InitFaultChannel(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = FaultChannel::Define(env);
  DataOf(env).fault_channel = Napi::Persistent(constructor);
  exports.Set("FaultChannel", constructor);
  return exports;
}
