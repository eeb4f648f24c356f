/* fault_channel.h: how one registered process's faults reach the daemon: its userfaultfd, or the memory and the bell of
 * abi/trap.h ('trapped'). */
#ifndef GSHM_ADDON_FAULT_CHANNEL_H
#define GSHM_ADDON_FAULT_CHANNEL_H

#include <napi.h>

#include <cstdint>

class FaultPoll;
struct gshm_trap;
struct uffd_msg;

class FaultChannel : public Napi::ObjectWrap<FaultChannel> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit FaultChannel(const Napi::CallbackInfo& info);
  ~FaultChannel() override;

  /* The channel that `value` is; throws ERR_GSHM_INVALID. */
  static FaultChannel* From(Napi::Env env, Napi::Value value);

  /* Becomes readable when there are messages. */
  int fd() const { return fd_; }
  struct gshm_trap* trap() const { return trap_; }
  /* As gshm_uffd_read. */
  int Read(struct uffd_msg* messages, size_t count) const;
  /* Passed by its process; not one that a fork event has brought. */
  bool fresh() const { return fresh_ || trap_; }
  /* Which poll watches it: closing must take it out first, because other holders of the same
   * userfaultfd would keep its entry in the event loop alive beyond our close(). */
  void WatchedBy(FaultPoll* poll, uint64_t id) {
    poll_ = poll;
    poll_id_ = id;
  }
  bool watched() const { return poll_ != nullptr; }

 private:
  static napi_value Resume(napi_env env, napi_callback_info info);
  static napi_value Protect(napi_env env, napi_callback_info info);
  static napi_value Poison(napi_env env, napi_callback_info info);
  static napi_value Wake(napi_env env, napi_callback_info info);
  static napi_value Revoke(napi_env env, napi_callback_info info);
  void Register(const Napi::CallbackInfo& info);
  void Unregister(const Napi::CallbackInfo& info);
  void OpenTrap(Napi::Env env, Napi::Value pid);
  Napi::Value Trapped(const Napi::CallbackInfo& info);
  Napi::Value Memory(const Napi::CallbackInfo& info);
  Napi::Value Alive(const Napi::CallbackInfo& info);
  Napi::Value Duplicate(const Napi::CallbackInfo& info);
  Napi::Value Fd(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void CloseNow();

  int fd_ = -1;
  bool fresh_ = false;
  struct gshm_trap* trap_ = nullptr; /* fd_ is its bell then, and its to close */
  FaultPoll* poll_ = nullptr;
  uint64_t poll_id_ = 0;
};

#endif
