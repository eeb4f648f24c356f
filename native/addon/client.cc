/* client.cc: libgshm for ts/client (NativeClient), and the visitor's questions for ts/cli.
 *
 * A thin wrapper of native/client. A process has one registration, so every NativeClient speaks of
 * the same one; segments are named by their numbers. */
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "addon.h"
#include "arguments.h"
#include "abi/lock_words.h"
#include "client/lock.h"
#include "client/objects.h"
#include "client/process.h"
#include "client_buffers.h"
#include "client_shared.h"
#include "failure.h"

namespace {

/* Node.js 20 refuses external memory beyond this. */
constexpr uint64_t kBufferMax = 0xFFFFFFFFull;

Napi::Error LastError(Napi::Env env) { return MakeError(env, gshm_last_error(), gshm_last_detail()); }

void Must(Napi::Env env, int result) {
  if (result != 0) throw LastError(env);
}

Napi::Error Invalid(Napi::Env env, const std::string& what) { return MakeError(env, GSHM_E_INVALID, what); }

std::string TextOf(Napi::Env env, Napi::Value value, const char* what) {
  if (!value.IsString()) throw Invalid(env, std::string(what) + " must be a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos)
    throw MakeError(env, GSHM_E_NAME_INVALID, std::string(what) + " has a zero character");
  return text;
}

std::string OptionalTextOf(Napi::Env env, Napi::Object options, const char* key) {
  return options.Has(key) ? TextOf(env, options.Get(key), key) : "";
}

uint64_t BigOf(Napi::Env env, Napi::Value value, const char* what) {
  bool lossless = false;
  uint64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) throw Invalid(env, std::string(what) + " must be a bigint from 0 to 2^64 - 1");
  return number;
}

uint32_t SmallOf(Napi::Env env, Napi::Value value, const char* what) {
  uint64_t number = UintOf(env, value, what);
  if (number > UINT32_MAX) throw Invalid(env, std::string(what) + " must be below 2^32");
  return static_cast<uint32_t>(number);
}

/* A key that owns its name: a string is a name, a bigint a number, { at: bigint } a global address. */
struct Key {
  Key(Napi::Env env, Napi::Value value) {
    if (value.IsBigInt()) key_ = gshm_numbered(BigOf(env, value, "a lock's or barrier's number"));
    else if (value.IsObject()) key_ = gshm_located(BigOf(env, value.As<Napi::Object>().Get("at"), "at"));
    else key_.kind = GSHM_BY_NAME, name_ = TextOf(env, value, "a lock's or barrier's name");
  }
  gshm_key get() const { return key_.kind == GSHM_BY_NAME ? gshm_named(name_.c_str()) : key_; }

 private:
  gshm_key key_ = {};
  std::string name_;
};

Napi::Object ToObject(Napi::Env env, const gshm_stat_t& stat) {
  auto object = Napi::Object::New(env);
  auto number = [&](const char* key, uint64_t value) {
    object.Set(key, Napi::Number::New(env, static_cast<double>(value)));
  };
  number("segment", stat.segment);
  number("mode", stat.mode);
  number("uid", stat.uid);
  number("gid", stat.gid);
  number("size", stat.size);
  number("maxSize", stat.max_size);
  number("heapBytes", stat.heap_bytes);
  number("heapBlocks", stat.heap_blocks);
  number("createdMs", stat.created_ms);
  object.Set("linked", Napi::Boolean::New(env, stat.linked != 0));
  number("homes", stat.homes);
  number("home", stat.home);
  number("unit", stat.unit);
  object.Set("consistency", Napi::String::New(env, stat.consistency));
  object.Set("manager", Napi::String::New(env, stat.manager));
  object.Set("name", Napi::String::New(env, stat.name));
  return object;
}

/* A call that waits: in a thread of its own, because libuv's few are for short work. The thread may
 * outlive its environment (a worker that is terminated), and must not touch it then. */
struct Waiting {
  Waiting(std::function<int()> to_call, std::function<void()> to_undo, Napi::Env env)
      : call(std::move(to_call)), undo(std::move(to_undo)), deferred(env) {}

  std::function<int()> call;
  std::function<void()> undo; /* what `call` has got, when there is nobody to give it to */
  Napi::Promise::Deferred deferred;
  std::shared_ptr<int64_t> answer; /* where `call` leaves what is promised; null: nothing */
  napi_threadsafe_function settle = nullptr;
  enum gshm_error error = GSHM_OK;
  std::string detail;
  std::mutex lock;
  bool ended = false; /* the environment; guarded by `lock` */

  void Undo() {
    if (undo && (error == GSHM_OK || error == GSHM_E_OWNER_DEAD)) undo();
  }
};

/* Hooks run newest first, so this runs before the function's own, which frees it. */
void EnvironmentEnds(void* data) {
  Waiting* waiting = static_cast<Waiting*>(data);
  std::lock_guard<std::mutex> guard(waiting->lock);
  waiting->ended = true;
}

void Settle(napi_env raw, napi_value, void*, void* data) {
  std::unique_ptr<Waiting> waiting(static_cast<Waiting*>(data));
  { std::lock_guard<std::mutex> guard(waiting->lock); /* Wait has left it */ }
  if (!raw) return waiting->Undo(); /* the environment has ended before it could hear */
  napi_remove_env_cleanup_hook(raw, EnvironmentEnds, waiting.get());
  Napi::Env env(raw);
  try {
    if (waiting->error == GSHM_OK && waiting->answer) waiting->deferred.Resolve(Napi::BigInt::New(env, *waiting->answer));
    else if (waiting->error == GSHM_OK) waiting->deferred.Resolve(env.Undefined());
    else waiting->deferred.Reject(MakeError(env, waiting->error, waiting->detail).Value());
  } catch (const Napi::Error&) {
    waiting->Undo(); /* a worker that is being terminated runs no more JavaScript */
  }
}

void Wait(Waiting* waiting) {
  if (waiting->call() != 0) {
    waiting->error = gshm_last_error();
    waiting->detail = gshm_last_detail();
  }
  {
    std::lock_guard<std::mutex> guard(waiting->lock);
    napi_threadsafe_function settle = waiting->settle;
    /* Not blocking: its queue has no bound. */
    if (!waiting->ended && napi_call_threadsafe_function(settle, waiting, napi_tsfn_nonblocking) == napi_ok) {
      napi_release_threadsafe_function(settle, napi_tsfn_release);
      return;
    }
  }
  waiting->Undo();
  delete waiting;
}

Napi::Value InThread(Napi::Env env, std::function<int()> call, std::function<void()> undo = nullptr,
                     std::shared_ptr<int64_t> answer = nullptr) {
  auto waiting = std::make_unique<Waiting>(std::move(call), std::move(undo), env);
  waiting->answer = std::move(answer);
  Napi::Promise promise = waiting->deferred.Promise();
  napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, Napi::String::New(env, "gshm"), 0, 1, nullptr, nullptr, nullptr, Settle, &waiting->settle);
  if (status != napi_ok) throw MakeError(env, GSHM_E_SYSTEM, "napi_create_threadsafe_function failed");
  napi_add_env_cleanup_hook(env, EnvironmentEnds, waiting.get());
  try {
    std::thread(Wait, waiting.get()).detach();
    waiting.release();
  } catch (const std::system_error& error) {
    napi_remove_env_cleanup_hook(env, EnvironmentEnds, waiting.get());
    napi_release_threadsafe_function(waiting->settle, napi_tsfn_abort);
    throw MakeError(env, GSHM_E_LIMIT, std::string("no thread to wait in: ") + error.what() + " (raise ulimit -u)");
  }
  return promise;
}

class NativeClient : public Napi::ObjectWrap<NativeClient> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "NativeClient",
        {
            InstanceMethod<&NativeClient::Attach>("attach"),
            InstanceMethod<&NativeClient::Detach>("detach"),
            InstanceMethod<&NativeClient::Node>("node"),
            InstanceMethod<&NativeClient::Nodes>("nodes"),
            InstanceMethod<&NativeClient::Registration>("registration"),
            InstanceMethod<&NativeClient::Create>("create"),
            InstanceMethod<&NativeClient::Open>("open"),
            InstanceMethod<&NativeClient::CloseSegment>("closeSegment"),
            InstanceMethod<&NativeClient::Stat>("stat"),
            InstanceMethod<&NativeClient::Unlink>("unlink"),
            InstanceMethod<&NativeClient::Size>("size"),
            InstanceMethod<&NativeClient::MaxSize>("maxSize"),
            InstanceMethod<&NativeClient::ResizeSync>("resizeSync"),
            InstanceMethod<&NativeClient::Resize>("resize"),
            InstanceMethod<&NativeClient::Map>("map"),
            InstanceMethod<&NativeClient::Share>("share"),
            InstanceMethod<&NativeClient::Unmap>("unmap"),
            InstanceMethod<&NativeClient::Pointer>("pointer"),
            InstanceMethod<&NativeClient::Address>("address"),
            InstanceMethod<&NativeClient::Buffer>("buffer"),
            InstanceMethod<&NativeClient::Alloc>("alloc"),
            InstanceMethod<&NativeClient::AllocWith>("allocWith"),
            InstanceMethod<&NativeClient::Realloc>("realloc"),
            InstanceMethod<&NativeClient::Free>("free"),
            InstanceMethod<&NativeClient::AcquireSync>("acquireSync"),
            InstanceMethod<&NativeClient::ReleaseSync>("releaseSync"),
            InstanceMethod<&NativeClient::Acquire>("acquire"),
            InstanceMethod<&NativeClient::Release>("release"),
            InstanceMethod<&NativeClient::LockSync>("lockSync"),
            InstanceMethod<&NativeClient::UnlockSync>("unlockSync"),
            InstanceMethod<&NativeClient::BarrierSync>("barrierSync"),
            InstanceMethod<&NativeClient::NewHolder>("newHolder"),
            InstanceMethod<&NativeClient::TryLock>("tryLock"),
            InstanceMethod<&NativeClient::Lock>("lock"),
            InstanceMethod<&NativeClient::NewCancel>("newCancel"),
            InstanceMethod<&NativeClient::CancelNow>("cancel"),
            InstanceMethod<&NativeClient::Unlock>("unlock"),
            InstanceMethod<&NativeClient::Barrier>("barrier"),
            InstanceMethod<&NativeClient::ObjectSync>("objectSync"),
            InstanceMethod<&NativeClient::Object>("object"),
            InstanceMethod<&NativeClient::ConditionWaitSync>("conditionWaitSync"),
            InstanceMethod<&NativeClient::ConditionWait>("conditionWait"),
            InstanceMethod<&NativeClient::WordWaitSync>("wordWaitSync"),
            InstanceMethod<&NativeClient::WordWait>("wordWait"),
        });
  }

  explicit NativeClient(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeClient>(info) {}

 private:
  using Info = const Napi::CallbackInfo&;

  void Attach(Info info) {
    bool told = !info[0].IsNull() && !info[0].IsUndefined();
    std::string socket = told ? TextOf(info.Env(), info[0], "the socket") : "";
    if (!gshm_attach(told ? socket.c_str() : nullptr)) throw LastError(info.Env());
  }

  void Detach(Info info) {
    DetachViewBuffers(info.Env(), 0);
    Must(info.Env(), gshm_detach(&gshm_self));
    SharedViewGone(info.Env(), 0);
  }

  Napi::Value Node(Info info) { return Napi::Number::New(info.Env(), gshm_node(&gshm_self)); }
  Napi::Value Nodes(Info info) { return Napi::Number::New(info.Env(), gshm_nodes(&gshm_self)); }

  Napi::Value Registration(Info info) {
    return Napi::BigInt::New(info.Env(), gshm_registration());
  }

  Napi::Value Create(Info info) {
    Napi::Env env = info.Env();
    std::string name = TextOf(env, info[0], "name");
    uint64_t size = UintOf(env, info[1], "size");
    uint32_t flags = SmallOf(env, info[2], "flags");
    Napi::Object options = info[3].As<Napi::Object>();
    std::string consistency = OptionalTextOf(env, options, "consistency");
    std::string manager = OptionalTextOf(env, options, "manager");
    gshm_options with = {};
    if (options.Has("consistency")) with.consistency = consistency.c_str();
    if (options.Has("manager")) with.manager = manager.c_str();
    if (options.Has("unit")) with.unit = SmallOf(env, options.Get("unit"), "unit");
    if (options.Has("home")) with.home = GSHM_HOME(SmallOf(env, options.Get("home"), "home"));
    if (options.Has("maxSize")) with.max_size = UintOf(env, options.Get("maxSize"), "maxSize");
    if (options.Has("mode")) with.mode = SmallOf(env, options.Get("mode"), "mode");
    return Opened(env, gshm_create_with(&gshm_self, name.c_str(), size, flags, &with));
  }

  Napi::Value Open(Info info) {
    Napi::Env env = info.Env();
    return Opened(env, gshm_open(&gshm_self, TextOf(env, info[0], "name").c_str(), SmallOf(env, info[1], "flags")));
  }

  static Napi::Value Opened(Napi::Env env, gshm_segment* segment) {
    if (!segment) throw LastError(env);
    return Napi::Number::New(env, gshm_id(segment));
  }

  static gshm_segment* SegmentOf(Napi::Env env, Napi::Value value) {
    gshm_segment* segment = gshm_segment_find(SmallOf(env, value, "segment"));
    if (!segment) throw LastError(env);
    return segment;
  }

  void CloseSegment(Info info) { Must(info.Env(), gshm_close(SegmentOf(info.Env(), info[0]))); }

  Napi::Value Stat(Info info) {
    gshm_stat_t stat;
    Must(info.Env(), gshm_stat(&gshm_self, TextOf(info.Env(), info[0], "name").c_str(), &stat));
    return ToObject(info.Env(), stat);
  }

  void Unlink(Info info) {
    Must(info.Env(), gshm_unlink(&gshm_self, TextOf(info.Env(), info[0], "name").c_str()));
  }

  Napi::Value Size(Info info) {
    return Napi::Number::New(info.Env(), static_cast<double>(gshm_size(SegmentOf(info.Env(), info[0]))));
  }

  Napi::Value MaxSize(Info info) {
    return Napi::Number::New(info.Env(), static_cast<double>(gshm_max_size(SegmentOf(info.Env(), info[0]))));
  }

  void ResizeSync(Info info) {
    Must(info.Env(), gshm_resize_segment(SegmentOf(info.Env(), info[0])->id, UintOf(info.Env(), info[1], "size")));
  }
  Napi::Value Resize(Info info) {
    uint32_t segment = SegmentOf(info.Env(), info[0])->id; /* it may be closed while a thread waits */
    uint64_t size = UintOf(info.Env(), info[1], "size");
    return InThread(info.Env(), [segment, size] { return gshm_resize_segment(segment, size); });
  }

  Napi::Value Map(Info info) {
    Napi::Env env = info.Env();
    gshm_segment* segment = SegmentOf(env, info[0]);
    void* address = reinterpret_cast<void*>(BigOf(env, info[1], "address"));
    void* view = gshm_map(segment, address, UintOf(env, info[2], "offset"), UintOf(env, info[3], "length"));
    if (!view) throw LastError(env);
    return Napi::BigInt::New(env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(view)));
  }

  Napi::Value Share(Info info) {
    Napi::Env env = info.Env();
    uintptr_t view = ShareView(env, SegmentOf(env, info[0]), info[1]);
    if (view == 0) throw LastError(env);
    return Napi::BigInt::New(env, static_cast<uint64_t>(view));
  }

  void Unmap(Info info) {
    uintptr_t view = BigOf(info.Env(), info[0], "view");
    if (view != 0) DetachViewBuffers(info.Env(), view);
    Must(info.Env(), gshm_unmap(&gshm_self, reinterpret_cast<void*>(view)));
    SharedViewGone(info.Env(), view);
  }

  Napi::Value Pointer(Info info) {
    void* pointer = gshm_pointer(&gshm_self, BigOf(info.Env(), info[0], "address"));
    if (!pointer) throw LastError(info.Env());
    return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(reinterpret_cast<uintptr_t>(pointer)));
  }

  Napi::Value Address(Info info) {
    const void* pointer = reinterpret_cast<const void*>(BigOf(info.Env(), info[0], "pointer"));
    return GlobalAddress(info.Env(), gshm_address(&gshm_self, pointer));
  }

  static Napi::Value GlobalAddress(Napi::Env env, gshm_addr address) {
    if (address == 0) throw LastError(env);
    return Napi::BigInt::New(env, static_cast<uint64_t>(address));
  }

  Napi::Value Buffer(Info info) {
    Napi::Env env = info.Env();
    uintptr_t at = BigOf(env, info[0], "pointer");
    uint64_t length = UintOf(env, info[1], "length");
    if (length > kBufferMax)
      throw Invalid(env, "length " + std::to_string(length) + ": an ArrayBuffer has at most 2^32 - 1 bytes, make several");
    uintptr_t view = gshm_view_covering(at, length);
    if (view == 0) throw MakeError(env, GSHM_E_NOT_MAPPED, "no view of this process has all of these bytes");
    return MakeViewBuffer(env, view, at, length);
  }

  Napi::Value Alloc(Info info) {
    Napi::Env env = info.Env();
    return GlobalAddress(env, gshm_alloc(SegmentOf(env, info[0]), UintOf(env, info[1], "size")));
  }

  Napi::Value AllocWith(Info info) {
    Napi::Env env = info.Env();
    Napi::Object options = info[2].As<Napi::Object>();
    gshm_alloc_options with = {};
    if (options.Has("align")) with.align = UintOf(env, options.Get("align"), "align");
    if (options.Has("home")) with.home = GSHM_HOME(SmallOf(env, options.Get("home"), "home"));
    with.apart = options.Has("apart") && options.Get("apart").ToBoolean();
    return GlobalAddress(env, gshm_alloc_with(SegmentOf(env, info[0]), UintOf(env, info[1], "size"), &with));
  }

  Napi::Value Realloc(Info info) {
    Napi::Env env = info.Env();
    gshm_segment* segment = SegmentOf(env, info[0]);
    return GlobalAddress(env, gshm_realloc(segment, BigOf(env, info[1], "block"), UintOf(env, info[2], "size")));
  }

  void Free(Info info) {
    Must(info.Env(), gshm_free(SegmentOf(info.Env(), info[0]), BigOf(info.Env(), info[1], "block")));
  }

  /* Of an acquire or release. By value: the segment may be closed while a thread waits. */
  struct Range {
    explicit Range(Info info)
        : segment(*SegmentOf(info.Env(), info[0])),
          offset(UintOf(info.Env(), info[1], "offset")),
          length(UintOf(info.Env(), info[2], "length")) {}
    gshm_segment segment;
    uint64_t offset, length;
  };

  void AcquireSync(Info info) {
    Range range(info);
    Must(info.Env(), gshm_acquire(&range.segment, range.offset, range.length));
  }
  void ReleaseSync(Info info) {
    Range range(info);
    Must(info.Env(), gshm_release(&range.segment, range.offset, range.length));
  }
  Napi::Value Acquire(Info info) {
    return InThread(info.Env(), [range = Range(info)] {
      return gshm_acquire(&range.segment, range.offset, range.length);
    });
  }
  Napi::Value Release(Info info) {
    return InThread(info.Env(), [range = Range(info)] {
      return gshm_release(&range.segment, range.offset, range.length);
    });
  }

  static int64_t TimeoutOf(Napi::Env env, Napi::Value value) {
    if (value.IsUndefined()) return GSHM_FOREVER;
    return static_cast<int64_t>(UintOf(env, value, "the timeout in nanoseconds"));
  }
  static uint32_t HolderOf(Napi::Env env, Napi::Value value) {
    uint32_t holder = SmallOf(env, value, "holder");
    if (holder < GSHM_WORD_ASYNC || holder >= GSHM_WORD_ASYNC * 2u) throw Invalid(env, "holder is none of newHolder()");
    return holder;
  }

  void LockSync(Info info) {
    Key key(info.Env(), info[0]);
    Must(info.Env(), gshm_mutex_lock_as(key.get(), 0, TimeoutOf(info.Env(), info[1]), nullptr));
  }
  void UnlockSync(Info info) { Must(info.Env(), gshm_mutex_unlock_as(Key(info.Env(), info[0]).get(), 0)); }
  void BarrierSync(Info info) {
    Key key(info.Env(), info[0]);
    uint32_t count = SmallOf(info.Env(), info[1], "count"), flags = SmallOf(info.Env(), info[2], "flags");
    Must(info.Env(), gshm_barrier_as(key.get(), count, flags, TimeoutOf(info.Env(), info[3]), nullptr));
  }

  /* One series for the process: its threads, and its attach() calls, have the same registration. */
  Napi::Value NewHolder(Info info) {
    static std::atomic<uint32_t> last{0};
    return Napi::Number::New(info.Env(), GSHM_WORD_ASYNC | (++last % GSHM_WORD_ASYNC));
  }

  /* At once, or not at all: nothing here waits. */
  Napi::Value TryLock(Info info) {
    Napi::Env env = info.Env();
    Key key(env, info[0]);
    int result = gshm_mutex_try_word(key.get(), HolderOf(env, info[1]));
    return Napi::Boolean::New(env, result == 0);
  }
  Napi::Value Lock(Info info) {
    Napi::Env env = info.Env();
    Key key(env, info[0]);
    uint32_t holder = HolderOf(env, info[1]);
    int64_t timeout = TimeoutOf(env, info[2]);
    std::shared_ptr<struct gshm_cancel> cancel = CancelOf(env, info[3]);
    return InThread(
        env, [key, holder, timeout, cancel] { return gshm_mutex_lock_as(key.get(), holder, timeout, cancel.get()); },
        [key, holder] { gshm_mutex_unlock_as(key.get(), holder); });
  }
  /* Does not wait for anybody else: its worst is a round trip to the daemon. */
  void Unlock(Info info) {
    Napi::Env env = info.Env();
    Must(env, gshm_mutex_unlock_as(Key(env, info[0]).get(), HolderOf(env, info[1])));
  }
  Napi::Value Barrier(Info info) {
    Napi::Env env = info.Env();
    Key key(env, info[0]);
    uint32_t count = SmallOf(env, info[1], "count"), flags = SmallOf(env, info[2], "flags");
    int64_t timeout = TimeoutOf(env, info[3]);
    Cancel cancel = CancelOf(env, info[4]);
    return InThread(env, [=] { return gshm_barrier_as(key.get(), count, flags, timeout, cancel.get()); });
  }

  /* ({ kind, deed, key, value, initial, holder? }, ...), checked; it owns its key. */
  struct ObjectAsk {
    ObjectAsk(Napi::Env env, Napi::Value value) : key(env, Field(env, value, "key")) {
      kind = static_cast<enum gshm_object_kind>(SmallOf(env, Field(env, value, "kind"), "kind"));
      deed = static_cast<enum gshm_object_deed>(SmallOf(env, Field(env, value, "deed"), "deed"));
      this->value = SignedOf(env, Field(env, value, "value"), "value");
      initial = SignedOf(env, Field(env, value, "initial"), "initial");
      Napi::Value of = Field(env, value, "holder");
      if (!of.IsUndefined()) holder = HolderOf(env, of);
    }
    int Do(int64_t timeout, struct gshm_cancel* cancel, int64_t* answer) const {
      struct gshm_object_ask ask = {kind, deed, key.get(), holder, value, initial, "gshm"};
      return gshm_object(&ask, timeout, cancel, answer);
    }
    /* What was got for nobody: a lock, or a unit. */
    void Undo() const {
      ObjectAsk back = *this;
      back.value = 1;
      if (deed == GSHM_DEED_READ || deed == GSHM_DEED_WRITE) back.deed = GSHM_DEED_UNLOCK;
      else if (deed == GSHM_DEED_TAKE) back.deed = GSHM_DEED_POST;
      else return;
      back.Do(GSHM_FOREVER, nullptr, nullptr);
    }

    static Napi::Value Field(Napi::Env env, Napi::Value value, const char* name) {
      if (!value.IsObject()) throw Invalid(env, "what is asked is no object");
      return value.As<Napi::Object>().Get(name);
    }
    static int64_t SignedOf(Napi::Env env, Napi::Value value, const char* what) {
      bool lossless = false;
      int64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Int64Value(&lossless) : 0;
      if (!lossless) throw Invalid(env, std::string(what) + " must be a bigint of 64 bits, signed");
      return number;
    }

    enum gshm_object_kind kind;
    enum gshm_object_deed deed;
    Key key;
    uint32_t holder = 0;
    int64_t value, initial;
  };

  Napi::Value ObjectSync(Info info) {
    Napi::Env env = info.Env();
    int64_t answer = 0;
    Must(env, ObjectAsk(env, info[0]).Do(TimeoutOf(env, info[1]), nullptr, &answer));
    return Napi::BigInt::New(env, answer);
  }
  Napi::Value Object(Info info) {
    Napi::Env env = info.Env();
    ObjectAsk ask(env, info[0]);
    int64_t timeout = TimeoutOf(env, info[1]);
    Cancel cancel = CancelOf(env, info[2]);
    auto answer = std::make_shared<int64_t>(0);
    return InThread(
        env, [ask, timeout, cancel, answer] { return ask.Do(timeout, cancel.get(), answer.get()); },
        [ask] { ask.Undo(); }, answer);
  }

  void ConditionWaitSync(Info info) {
    Napi::Env env = info.Env();
    Key condition(env, info[0]), mutex(env, info[1]);
    Must(env, gshm_condition_wait_as(condition.get(), mutex.get(), 0, TimeoutOf(env, info[2]), nullptr, nullptr));
  }
  /* The mutex goes back to whoever waited, or to nobody when that has ended. */
  Napi::Value ConditionWait(Info info) {
    Napi::Env env = info.Env();
    Key condition(env, info[0]), mutex(env, info[1]);
    uint32_t holder = HolderOf(env, info[2]);
    int64_t timeout = TimeoutOf(env, info[3]);
    Cancel cancel = CancelOf(env, info[4]);
    return InThread(
        env,
        [=] {
          return gshm_condition_wait_as(condition.get(), mutex.get(), holder, timeout, cancel.get(), nullptr);
        },
        [mutex, holder] { gshm_mutex_unlock_as(mutex.get(), holder); });
  }

  /* (address, expected, ...): a global address that a view shows. */
  static const uint32_t* WordOf(Napi::Env env, Napi::Value value) {
    const void* word = gshm_pointer(&gshm_self, BigOf(env, value, "address"));
    if (!word) Must(env, -1);
    return static_cast<const uint32_t*>(word);
  }
  Napi::Value WordWaitSync(Info info) {
    Napi::Env env = info.Env();
    const uint32_t* word = WordOf(env, info[0]);
    int result = gshm_wait_as(&gshm_self, word, SmallOf(env, info[1], "expected"), TimeoutOf(env, info[2]), nullptr);
    if (result < 0) Must(env, result);
    return Napi::BigInt::New(env, static_cast<int64_t>(result));
  }
  Napi::Value WordWait(Info info) {
    Napi::Env env = info.Env();
    const uint32_t* word = WordOf(env, info[0]);
    uint32_t expected = SmallOf(env, info[1], "expected");
    int64_t timeout = TimeoutOf(env, info[2]);
    Cancel cancel = CancelOf(env, info[3]);
    auto answer = std::make_shared<int64_t>(0);
    return InThread(
        env,
        [=] {
          int result = gshm_wait_as(&gshm_self, word, expected, timeout, cancel.get());
          *answer = result;
          return result < 0 ? -1 : 0;
        },
        nullptr, answer);
  }

  /* An External that ends the waits it is given to. */
  using Cancel = std::shared_ptr<struct gshm_cancel>;
  static Cancel CancelOf(Napi::Env env, Napi::Value value) {
    if (value.IsUndefined()) return nullptr;
    if (!value.IsExternal()) throw Invalid(env, "cancel is none of newCancel()");
    return *value.As<Napi::External<Cancel>>().Data();
  }
  Napi::Value NewCancel(Info info) {
    auto cancel = new Cancel(new struct gshm_cancel(GSHM_CANCEL_INITIALIZER));
    return Napi::External<Cancel>::New(info.Env(), cancel, [](Napi::Env, Cancel* data) { delete data; });
  }
  void CancelNow(Info info) { gshm_cancel(CancelOf(info.Env(), info[0]).get()); }
};

Napi::Value Inspect(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string socket = TextOf(env, info[0], "the socket"), name = TextOf(env, info[2], "name");
  char* text = gshm_inspect(socket.c_str(), SmallOf(env, info[1], "what"), name.c_str());
  if (!text) throw LastError(env);
  Napi::String result = Napi::String::New(env, text);
  free(text);
  return result;
}

void VisitorUnlink(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string socket = TextOf(env, info[0], "the socket"), name = TextOf(env, info[1], "name");
  Must(env, gshm_visitor_unlink(socket.c_str(), name.c_str()));
}

}  // namespace

Napi::Object InitClient(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeClient", NativeClient::Define(env));
  exports.Set("inspect", Napi::Function::New(env, Inspect, "inspect"));
  exports.Set("visitorUnlink", Napi::Function::New(env, VisitorUnlink, "visitorUnlink"));
  return exports;
}
