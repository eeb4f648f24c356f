/* fault_poll.h: waits for the messages of many userfaultfds and decodes them, once.
 *
 * A wake-up reads what the ready channel has (up to a bound, for fairness), decodes it into records
 * of RECORD_WIDTH numbers (ts/native/index.ts) and calls JavaScript once. Every channel is in the
 * event loop by itself: one epoll descriptor for them all, within the loop's own, cost 0.9 us more a
 * fault (of 12) than it could save when several channels are ready at once. */
#ifndef GSHM_ADDON_FAULT_POLL_H
#define GSHM_ADDON_FAULT_POLL_H

#include <napi.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "callback.h"
#include "poll_handle.h"
#include "timer_fd.h"

class FaultChannel;
struct uffd_msg;

/* RECORD_WIDTH and FaultKind of ts/native/index.ts. */
constexpr uint32_t kRecordWidth = 5;
enum FaultKind { kRead = 0, kWrite = 1, kFork = 2, kRemap = 3, kRemove = 4, kUnmap = 5 };

class FaultPoll : public Napi::ObjectWrap<FaultPoll> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit FaultPoll(const Napi::CallbackInfo& info);
  ~FaultPoll() override;

  /* Stops watching channel `id`; for a channel that closes. */
  void Forget(uint64_t id);

 private:
  struct Entry {
    FaultChannel* channel;
    Napi::ObjectReference keep; /* a watched channel is not collected */
    PollSlot poll;
    bool starved = false; /* a fork event could not be read: out of descriptors */
  };
  /* Records on their way to JavaScript. drain() may be called inside a delivery, so there is one
   * batch for every depth of nesting. */
  struct Batch {
    Napi::Reference<Napi::Float64Array> array;
    double* records;
    uint32_t count = 0;
  };

  void Add(const Napi::CallbackInfo& info);
  void Remove(const Napi::CallbackInfo& info);
  void Drain(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void OnReady(uint64_t id);
  static void KeepNonblocking(const Entry& entry);
  void OnRetry();
  Batch& BatchAt(size_t depth);
  void Deliver(Batch& batch, bool from_loop);
  uint32_t Read(uint64_t id, Entry& entry, Batch& batch);
  int ReadMessages(const FaultChannel& channel, struct uffd_msg* messages, size_t count);
  void Starve(Entry& entry);
  void Put(Batch& batch, uint64_t id, const Entry& entry, const struct uffd_msg& message);
  void CloseNow();

  Callback on_batch_;
  std::unordered_map<uint64_t, std::unique_ptr<Entry>> entries_;
  std::vector<std::unique_ptr<Batch>> batches_;
  size_t depth_ = 0;
  int spare_fd_ = -1;
  bool open_ = false;
  TimerFd retry_;
};

#endif
