/* fault_poll.cc: see fault_poll.h. */
#include "fault_poll.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "arguments.h"
#include "core/uffd.h"
#include "fault_channel.h"

namespace {

constexpr uint32_t kMessages = 64; /* in one read, and records in a batch */
constexpr int kReads = 16;          /* of one channel in one wake-up: others wait */
constexpr uint64_t kRetryMicroseconds = 20000;

int OpenSpare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

Napi::Function FaultPoll::Define(Napi::Env env) {
  return DefineClass(env, "FaultPoll",
                     {
                         InstanceMethod<&FaultPoll::Add>("add"),
                         InstanceMethod<&FaultPoll::Remove>("remove"),
                         InstanceMethod<&FaultPoll::Drain>("drain"),
                         InstanceMethod<&FaultPoll::Close>("close"),
                     });
}

FaultPoll::FaultPoll(const Napi::CallbackInfo& info)
    : ObjectWrap(info), on_batch_(info.Env(), FunctionOf(info.Env(), info[0], "FaultPoll: onBatch"), "gshm:fault") {
  Napi::Env env = info.Env();
  spare_fd_ = OpenSpare();
  if (spare_fd_ < 0) throw SystemError(env, "open /dev/null", errno);
  int result = retry_.Open(env, [this] { OnRetry(); });
  if (result != 0) throw SystemError(env, "timerfd_create", -result);
  open_ = true;
  Ref();
}

FaultPoll::~FaultPoll() { CloseNow(); }

void FaultPoll::CloseNow() {
  retry_.Close();
  for (auto& [id, entry] : entries_) entry->channel->WatchedBy(nullptr, 0);
  entries_.clear();
  if (spare_fd_ >= 0) close(spare_fd_);
  spare_fd_ = -1;
  open_ = false;
}

void FaultPoll::Close(const Napi::CallbackInfo&) {
  if (!open_) return;
  CloseNow();
  Unref();
}

void FaultPoll::Add(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  FaultChannel* channel = FaultChannel::From(env, info[0]);
  uint64_t id = UintOf(env, info[1], "channel id");
  if (!open_ || channel->fd() < 0 || channel->watched() || entries_.count(id))
    throw MakeError(env, GSHM_E_INVALID, "FaultPoll.add: closed, watched already, or the id is in use");
  auto entry = std::make_unique<Entry>();
  int result = entry->poll.Open(env, channel->fd(), [this, id] { OnReady(id); });
  if (result != 0) throw SystemError(env, "uv_poll", -result);
  entry->channel = channel;
  entry->keep = Napi::Persistent(info[0].As<Napi::Object>());
  entries_.emplace(id, std::move(entry));
  channel->WatchedBy(this, id);
}

void FaultPoll::Remove(const Napi::CallbackInfo& info) { Forget(UintOf(info.Env(), info[0], "channel id")); }

void FaultPoll::Forget(uint64_t id) {
  auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second->channel->WatchedBy(nullptr, 0);
  entries_.erase(found);
}

FaultPoll::Batch& FaultPoll::BatchAt(size_t depth) {
  while (batches_.size() <= depth) {
    auto batch = std::make_unique<Batch>();
    Napi::Float64Array array = Napi::Float64Array::New(Env(), kMessages * kRecordWidth);
    batch->array = Napi::Persistent(array);
    batch->records = array.Data();
    batches_.push_back(std::move(batch));
  }
  Batch& batch = *batches_[depth];
  batch.count = 0;
  return batch;
}

void FaultPoll::Deliver(Batch& batch, bool from_loop) {
  if (batch.count == 0) return;
  napi_value arguments[] = {batch.array.Value(), Napi::Number::New(Env(), batch.count)};
  depth_++;
  if (from_loop) on_batch_.Call(2, arguments);
  else on_batch_.CallDirectly(2, arguments);
  depth_--;
}

/* A thread that has been served is often back with its next fault before the loop would come round:
 * where it shares our CPU, the kernel has let it run when it was woken. So look again before going,
 * which saves such a fault a turn of the loop, and costs the last one a read in vain. Not where several
 * threads fault at once: they would keep other processes and other nodes waiting. */
void FaultPoll::OnReady(uint64_t id) {
  FromLoop(Env(), [this, id] {
    for (int reads = 0; reads < kReads; reads++) {
      auto found = entries_.find(id); /* JavaScript may have removed the channel meanwhile */
      if (found == entries_.end()) return;
      Entry& entry = *found->second;
      Batch& batch = BatchAt(depth_);
      if (Read(id, entry, batch) == 0) return reads == 0 ? KeepNonblocking(entry) : void();
      /* Reading a fork's in vain takes five calls: uffd_read.c. */
      bool again = batch.count == 1 && entry.channel->fresh();
      Deliver(batch, true);
      if (!again) return;
    }
  });
}

/* Ready, and nothing to read. Polling a userfaultfd whose O_NONBLOCK the process has cleared (it
 * shares the flag) answers an error for ever: set it again. */
void FaultPoll::KeepNonblocking(const Entry& entry) {
  int fd = entry.channel->fd(), flags = fcntl(fd, F_GETFL);
  if (!(flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void FaultPoll::Drain(const Napi::CallbackInfo& info) {
  uint64_t id = UintOf(info.Env(), info[0], "channel id");
  auto found = entries_.find(id);
  /* Looked up again after each delivery: JavaScript may remove the channel. */
  while (found != entries_.end()) {
    Batch& batch = BatchAt(depth_);
    uint32_t read = Read(id, *found->second, batch);
    Deliver(batch, false);
    if (read < kMessages || info.Env().IsExceptionPending()) return;
    found = entries_.find(id);
  }
}

/* Reads up to kMessages of one channel into the empty batch; gives how many. */
uint32_t FaultPoll::Read(uint64_t id, Entry& entry, Batch& batch) {
  struct uffd_msg messages[kMessages];
  int count = ReadMessages(*entry.channel, messages, kMessages);
  if (count < 0) {
    Starve(entry);
    return 0;
  }
  for (int i = 0; i < count; i++) Put(batch, id, entry, messages[i]);
  return static_cast<uint32_t>(count);
}

/* A fork event brings a descriptor, so reading it can fail where no descriptor is left; the event
 * then stays queued and its process stuck in fork(). The spare one makes room. */
int FaultPoll::ReadMessages(const FaultChannel& channel, struct uffd_msg* messages, size_t count) {
  int result = channel.Read(messages, count);
  if (result >= 0 || spare_fd_ < 0) return result;
  close(spare_fd_);
  result = channel.Read(messages, 1);
  spare_fd_ = OpenSpare();
  return result;
}

/* Still no descriptor: look away from this channel for a while instead of spinning on it. The
 * kernel gives out faults before events, so retries serve the process's faults meanwhile. */
void FaultPoll::Starve(Entry& entry) {
  entry.poll.Watch(false);
  entry.starved = true;
  retry_.Arm(kRetryMicroseconds);
}

void FaultPoll::OnRetry() {
  if (spare_fd_ < 0) spare_fd_ = OpenSpare();
  for (auto& [id, entry] : entries_) {
    if (!entry->starved) continue;
    entry->starved = false;
    entry->poll.Watch(true);
  }
}

void FaultPoll::Put(Batch& batch, uint64_t id, const Entry& entry, const struct uffd_msg& message) {
  double* record = batch.records + batch.count * kRecordWidth;
  double kind = 0, address = 0, extra = 0, thread = 0;
  switch (message.event) {
    case UFFD_EVENT_PAGEFAULT:
      kind = message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE ? kWrite : kRead;
      extra = message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP ? 1 : 0;
      address = static_cast<double>(message.arg.pagefault.address & ~static_cast<uint64_t>(GSHM_PAGE_SIZE - 1));
      thread = message.arg.pagefault.feat.ptid;
      break;
    case UFFD_EVENT_FORK:
      kind = kFork;
      extra = message.arg.fork.ufd;
      fcntl(static_cast<int>(message.arg.fork.ufd), F_SETFD, FD_CLOEXEC);
      break;
    case UFFD_EVENT_REMAP:
      kind = kRemap;
      address = static_cast<double>(message.arg.remap.from);
      extra = static_cast<double>(message.arg.remap.to);
      thread = static_cast<double>(message.arg.remap.len);
      /* Whoever waits for a page at an address that is no longer mapped is found by no later
       * change: let it try again and see. Waking is always right, faults are idempotent. */
      gshm_uffd_wake(entry.channel->fd(), message.arg.remap.from, message.arg.remap.len);
      break;
    case UFFD_EVENT_REMOVE:
    case UFFD_EVENT_UNMAP:
      kind = message.event == UFFD_EVENT_REMOVE ? kRemove : kUnmap;
      address = static_cast<double>(message.arg.remove.start);
      extra = static_cast<double>(message.arg.remove.end);
      if (message.event == UFFD_EVENT_UNMAP)
        gshm_uffd_wake(entry.channel->fd(), message.arg.remove.start,
                       message.arg.remove.end - message.arg.remove.start);
      break;
    default: return; /* no feature that sends anything else was asked for */
  }
  record[0] = static_cast<double>(id);
  record[1] = kind;
  record[2] = address;
  record[3] = extra;
  record[4] = thread;
  batch.count++;
}

Napi::Object InitFaultPoll(Napi::Env env, Napi::Object exports) {
  exports.Set("FaultPoll", FaultPoll::Define(env));
  return exports;
}
