/* lock_words.cc: see lock_words.h. */
#include "lock_words.h"

#include <algorithm>

#include "addon.h"
#include "arguments.h"

namespace {

using Info = const Napi::CallbackInfo&;

Napi::Value Number(Napi::Env env, uint64_t number) { return Napi::Number::New(env, static_cast<double>(number)); }

Napi::Array Slots(Napi::Env env, const uint32_t* slots, size_t count) {
  Napi::Array array = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++) array.Set(i, Napi::Number::New(env, slots[i]));
  return array;
}

}  // namespace

Napi::Function LockWords::Define(Napi::Env env) {
  return DefineClass(env, "LockWords",
                     {
                         InstanceAccessor<&LockWords::Fd>("fd"),
                         InstanceMethod<&LockWords::Give>("give"),
                         InstanceMethod<&LockWords::Shut>("shut"),
                         InstanceMethod<&LockWords::Owner>("owner"),
                         InstanceMethod<&LockWords::Look>("look"),
                         InstanceMethod<&LockWords::Take>("take"),
                         InstanceMethod<&LockWords::Acquired>("acquired"),
                         InstanceMethod<&LockWords::Holds>("holds"),
                         InstanceMethod<&LockWords::Begin>("begin"),
                         InstanceMethod<&LockWords::Rung>("rung"),
                         InstanceMethod<&LockWords::Held>("held"),
                         InstanceMethod<&LockWords::Free>("free"),
                         InstanceMethod<&LockWords::LetPass>("letPass"),
                         InstanceMethod<&LockWords::LetNotPass>("letNotPass"),
                         InstanceMethod<&LockWords::Passed>("passed"),
                         InstanceMethod<&LockWords::Await>("await"),
                         InstanceMethod<&LockWords::AwaitNot>("awaitNot"),
                         InstanceMethod<&LockWords::OpenTo>("openTo"),
                         InstanceMethod<&LockWords::Close>("close"),
                     });
}

LockWords::LockWords(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  Napi::Env env = info.Env();
  if (!info[0].IsString()) throw MakeError(env, GSHM_E_INVALID, "LockWords: a name is expected");
  int result = gshm_lock_words_open(&words_, info[0].As<Napi::String>().Utf8Value().c_str());
  if (result != 0) throw SystemError(env, "LockWords", -result);
}

LockWords::~LockWords() { gshm_lock_words_close(&words_); }

void LockWords::MustBeOpen(Napi::Env env) {
  if (words_.fd < 0) throw MakeError(env, GSHM_E_INVALID, "LockWords: closed");
}

uint32_t LockWords::SlotOf(Info info) {
  MustBeOpen(info.Env());
  uint64_t slot = UintOf(info.Env(), info[0], "slot");
  if (slot >= GSHM_LOCK_SLOTS) throw MakeError(info.Env(), GSHM_E_INVALID, "slot is out of range");
  return static_cast<uint32_t>(slot);
}

uint64_t LockWords::OwnerOf(Napi::Env env, Napi::Value process, Napi::Value holder) {
  uint64_t number = UintOf(env, process, "process");
  uint64_t which = UintOf(env, holder, "holder");
  if (number >= GSHM_LOCK_PROCESSES || which > GSHM_WORD_OWNER >> GSHM_WORD_PROCESS_BITS)
    throw MakeError(env, GSHM_E_INVALID, "process or holder is out of range");
  return gshm_word_owner(static_cast<uint32_t>(number), static_cast<uint32_t>(which));
}

uint32_t LockWords::EndOf(Info info, Napi::Value value) {
  MustBeOpen(info.Env());
  uint64_t end = UintOf(info.Env(), value, "end");
  if (end > GSHM_LOCK_SLOTS) throw MakeError(info.Env(), GSHM_E_INVALID, "end is out of range");
  return static_cast<uint32_t>(end);
}

uint32_t LockWords::GenerationOf(Info info) {
  uint64_t generation = UintOf(info.Env(), info[1], "generation");
  if (generation >= GSHM_WORD_GENERATIONS) throw MakeError(info.Env(), GSHM_E_INVALID, "generation is out of range");
  return static_cast<uint32_t>(generation);
}

Napi::Value LockWords::Fd(Info info) { return Napi::Number::New(info.Env(), words_.fd); }

void LockWords::Give(Info info) {
  Napi::Env env = info.Env();
  uint32_t slot = SlotOf(info);
  uint32_t generation = GenerationOf(info);
  uint64_t owner = OwnerOf(env, info[2], info[3]);
  int result = gshm_lock_words_give(&words_, slot, generation, owner, info[4].ToBoolean());
  if (result != 0) throw SystemError(env, "LockWords.give", -result);
}

Napi::Value LockWords::Shut(Info info) { return Number(info.Env(), gshm_lock_words_shut(&words_, SlotOf(info))); }

Napi::Value LockWords::Owner(Info info) { return Number(info.Env(), gshm_lock_words_owner(&words_, SlotOf(info))); }

Napi::Value LockWords::Look(Info info) {
  uint64_t owner = 0;
  bool shut = gshm_lock_words_look(&words_, SlotOf(info), &owner);
  return shut ? Number(info.Env(), owner) : info.Env().Undefined();
}

Napi::Value LockWords::Take(Info info) {
  uint32_t slot = SlotOf(info);
  return Napi::Boolean::New(info.Env(), gshm_lock_words_take(&words_, slot, OwnerOf(info.Env(), info[1], info[2])));
}

Napi::Value LockWords::Acquired(Info info) { return Number(info.Env(), gshm_lock_words_acquired(&words_, SlotOf(info))); }

Napi::Value LockWords::Holds(Info info) {
  Napi::Uint32Array holds = Napi::Uint32Array::New(info.Env(), GSHM_HOLD_BUCKETS);
  gshm_lock_words_holds(&words_, SlotOf(info), holds.Data());
  return holds;
}

void LockWords::Begin(Info info) { gshm_lock_words_begin(&words_, SlotOf(info)); }

Napi::Value LockWords::Rung(Info info) {
  uint32_t end = EndOf(info, info[0]);
  rung_.resize(std::max(rung_.size(), (static_cast<size_t>(end) + 63) / 64 * 64)); /* room for all of them */
  size_t count = gshm_lock_words_rung(&words_, end, rung_.data(), rung_.size());
  return Slots(info.Env(), rung_.data(), count);
}

/* Takes whatever the process holds: its slots. */
Napi::Value LockWords::Held(Info info) {
  Napi::Env env = info.Env();
  uint64_t process = UintOf(env, info[0], "process");
  uint32_t end = EndOf(info, info[1]);
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slot < end; slot++) {
    uint64_t owner = gshm_lock_words_owner(&words_, slot);
    if (owner >> GSHM_WORD_HOLDER_BITS != process || owner == 0) continue;
    if (gshm_lock_words_take(&words_, slot, owner)) slots.push_back(slot);
  }
  return Slots(env, slots.data(), slots.size());
}

Napi::Value LockWords::Free(Info info) {
  std::vector<uint32_t> slots(EndOf(info, info[0]));
  size_t count = gshm_lock_words_free(&words_, static_cast<uint32_t>(slots.size()), slots.data(), slots.size());
  return Slots(info.Env(), slots.data(), count);
}

Napi::Value LockWords::LetPass(Info info) {
  uint32_t slot = SlotOf(info), generation = GenerationOf(info);
  uint64_t process = UintOf(info.Env(), info[2], "process");
  if (process >= GSHM_LOCK_PROCESSES) throw MakeError(info.Env(), GSHM_E_INVALID, "process is out of range");
  bool may = gshm_lock_words_let_pass(&words_, slot, generation, static_cast<uint32_t>(process));
  return Napi::Boolean::New(info.Env(), may);
}

void LockWords::LetNotPass(Info info) { gshm_lock_words_let_not_pass(&words_, SlotOf(info)); }

Napi::Value LockWords::Passed(Info info) {
  return Napi::Boolean::New(info.Env(), gshm_lock_words_passed(&words_, SlotOf(info)));
}

Napi::Value LockWords::Await(Info info) {
  uint32_t slot = SlotOf(info), generation = GenerationOf(info);
  uint64_t turn = UintOf(info.Env(), info[2], "turn");
  return Napi::Boolean::New(info.Env(), gshm_lock_words_await(&words_, slot, generation, turn));
}

Napi::Value LockWords::AwaitNot(Info info) {
  uint32_t slot = SlotOf(info), generation = GenerationOf(info);
  uint64_t turn = UintOf(info.Env(), info[2], "turn");
  return Napi::Boolean::New(info.Env(), gshm_lock_words_await_not(&words_, slot, generation, turn));
}

Napi::Value LockWords::OpenTo(Info info) {
  uint32_t slot = SlotOf(info), generation = GenerationOf(info);
  uint64_t owner = OwnerOf(info.Env(), info[2], info[3]);
  return Napi::Boolean::New(info.Env(), gshm_lock_words_open_to(&words_, slot, generation, owner));
}

void LockWords::Close(Info) { gshm_lock_words_close(&words_); }

Napi::Object InitLockWords(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = LockWords::Define(env);
  DataOf(env).lock_words = Napi::Persistent(constructor);
  exports.Set("LockWords", constructor);
  return exports;
}
