/* reflexes.cc: see reflexes.h. */
#include "reflexes.h"

#include <algorithm>
#include <cstring>

#include "addon.h"
#include "arguments.h"

namespace {

/* Each ring and each short frame has all of them looked at: more would cost more than they save. */
constexpr size_t kReflexesMax = 256;

template <class T>
T* Unwrapped(Napi::Env env, Napi::Value value, const Napi::FunctionReference& constructor, const char* what) {
  if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(constructor.Value()))
    throw MakeError(env, GSHM_E_INVALID, std::string(what) + " is of another class");
  return T::Unwrap(value.As<Napi::Object>());
}

std::vector<uint8_t> BytesOf(Napi::Env env, Napi::Value value, const char* what) {
  uint8_t* data = nullptr;
  size_t length = 0;
  if (!ToBytes(env, value, 0, &data, &length) || length == 0)
    throw MakeError(env, GSHM_E_INVALID, std::string("Reflexes.prepare: ") + what + " is no Uint8Array, or empty");
  return {data, data + length};
}

uint32_t Below(Napi::Env env, Napi::Value value, uint64_t end, const char* what) {
  uint64_t number = UintOf(env, value, what);
  if (number >= end) throw MakeError(env, GSHM_E_INVALID, std::string(what) + " is out of range");
  return static_cast<uint32_t>(number);
}

}  // namespace

Napi::Function Reflexes::Define(Napi::Env env) {
  return DefineClass(env, "Reflexes",
                     {
                         InstanceMethod<&Reflexes::Prepare>("prepare"),
                         InstanceMethod<&Reflexes::Drop>("drop"),
                         InstanceMethod<&Reflexes::Done>("done"),
                         InstanceMethod<&Reflexes::Allow>("allow"),
                     });
}

Reflexes::Reflexes(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

/* prepare(reflex): its number; 0: there are too many. */
Napi::Value Reflexes::Prepare(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (reflexes_.size() >= kReflexesMax) return Napi::Number::New(env, 0);
  if (!info[0].IsObject()) throw MakeError(env, GSHM_E_INVALID, "Reflexes.prepare: an object is expected");
  Napi::Object from = info[0].As<Napi::Object>();
  AddonData& data = DataOf(env);
  auto reflex = std::make_unique<Reflex>();
  reflex->words = Unwrapped<LockWords>(env, from.Get("words"), data.lock_words, "words");
  reflex->slot = Below(env, from.Get("slot"), GSHM_LOCK_SLOTS, "slot");
  reflex->generation = Below(env, from.Get("generation"), GSHM_WORD_GENERATIONS, "generation");
  if (!from.Get("frame").IsUndefined()) reflex->frame = BytesOf(env, from.Get("frame"), "frame");
  if (from.Get("socket").IsUndefined()) {
    reflex->channel = Unwrapped<DeviceChannel>(env, from.Get("channel"), data.device_channel, "channel");
    reflex->serial = Below(env, from.Get("serial"), 1ull << 32, "serial");
    reflex->owner = LockWords::OwnerOf(env, from.Get("process"), from.Get("holder"));
    reflex->shut = from.Get("shut").ToBoolean();
  } else {
    reflex->socket = Unwrapped<PeerSocket>(env, from.Get("socket"), data.peer_socket, "socket");
    reflex->bytes = BytesOf(env, from.Get("bytes"), "bytes");
  }
  if (++last_id_ == 0) last_id_ = 1;
  reflex->id = last_id_;
  reflex->prepared = Napi::Persistent(from);
  reflexes_.push_back(std::move(reflex));
  return Napi::Number::New(env, last_id_);
}

/* drop(id): whether it has been carried out. There is none of that number any more. */
Napi::Value Reflexes::Drop(const Napi::CallbackInfo& info) {
  uint64_t id = UintOf(info.Env(), info[0], "id");
  auto at = std::find_if(reflexes_.begin(), reflexes_.end(), [id](const auto& reflex) { return reflex->id == id; });
  if (at == reflexes_.end()) throw MakeError(info.Env(), GSHM_E_INVALID, "Reflexes.drop: there is none of that number");
  bool done = (*at)->done;
  if (done) unknown_--;
  reflexes_.erase(at);
  return Napi::Boolean::New(info.Env(), done);
}

/* done(): the numbers of those that have been carried out and not dropped. */
Napi::Value Reflexes::Done(const Napi::CallbackInfo& info) {
  Napi::Array done = Napi::Array::New(info.Env());
  uint32_t count = 0;
  if (unknown_ == 0) return done;
  for (const auto& reflex : reflexes_)
    if (reflex->done) done.Set(count++, Napi::Number::New(info.Env(), reflex->id));
  return done;
}

void Reflexes::Allow(const Napi::CallbackInfo& info) { allowed_ = info[0].ToBoolean(); }

/* Nobody holds the lock, nobody can get it by its word, and it is the lock's own word still. */
bool Reflexes::IsFree(const Reflex& reflex) const {
  const struct gshm_lock_words* words = reflex.words->words();
  if (words->fd < 0) return false;
  uint64_t word = __atomic_load_n(&words->pages->slots[reflex.slot].word, __ATOMIC_ACQUIRE);
  return word == (gshm_word_free(reflex.generation) | GSHM_WORD_SHUT);
}

/* The engine is told of what has been done: not a second time by the ring for it. */
void Reflexes::Hear(const Reflex& reflex) {
  if (reflex.frame.empty()) gshm_lock_words_heard(reflex.words->words(), reflex.slot);
}

bool Reflexes::CarryOut(Reflex* reflex) {
  if (reflex->socket != nullptr) {
    if (!reflex->socket->Send(reflex->bytes.data(), reflex->bytes.size())) return false;
    Hear(*reflex);
  } else {
    if (!reflex->channel->MayReply(reflex->serial)) return false;
    Hear(*reflex); /* before somebody else has the lock, and rings for himself */
    struct gshm_lock_words* words = reflex->words->words();
    if (gshm_lock_words_give(words, reflex->slot, reflex->generation, reflex->owner, reflex->shut) != 0) {
      if (reflex->frame.empty()) gshm_lock_words_unheard(words, reflex->slot);
      return false;
    }
    struct gshm_lock_reply reply = {};
    reply.slot = reflex->slot;
    reply.generation = reflex->generation;
    reflex->channel->ReplyAhead(GSHM_OP_LOCK, reflex->serial, &reply, sizeof reply);
  }
  reflex->done = true;
  unknown_++;
  return true;
}

bool Reflexes::OnRing() {
  bool any = false;
  for (auto& reflex : reflexes_)
    if (allowed_ && !reflex->done && reflex->frame.empty() && IsFree(*reflex)) any |= CarryOut(reflex.get());
  return any;
}

bool Reflexes::OnFrame(const uint8_t* bytes, size_t length) {
  for (auto& reflex : reflexes_) {
    if (!allowed_ || reflex->done || reflex->frame.size() != length) continue;
    if (memcmp(reflex->frame.data(), bytes, length) == 0) return IsFree(*reflex) && CarryOut(reflex.get());
  }
  return false;
}

void Reflexes::MustBeKnown(Napi::Env env) const {
  if (unknown_ == 0) return;
  Napi::Error error = MakeError(env, GSHM_E_INVALID, "a reflex was carried out, and the engine did something else");
  error.Set("name", Napi::String::New(env, "AssertionError"));
  throw error;
}

Reflexes* Reflexes::Optional(Napi::Env env, Napi::Value value, Napi::ObjectReference* kept, const char* who) {
  if (value.IsUndefined()) return nullptr;
  Reflexes* reflexes = Unwrapped<Reflexes>(env, value, DataOf(env).reflexes, (std::string(who) + ": reflexes").c_str());
  *kept = Napi::Persistent(value.As<Napi::Object>());
  return reflexes;
}

Napi::Object InitReflexes(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = Reflexes::Define(env);
  DataOf(env).reflexes = Napi::Persistent(constructor);
  exports.Set("Reflexes", constructor);
  return exports;
}
