/* lock_words.h: LockWords, the daemon's side of the words of locks, in TypeScript. */
#ifndef GSHM_ADDON_LOCK_WORDS_H
#define GSHM_ADDON_LOCK_WORDS_H

#include <napi.h>

#include <cstdint>
#include <vector>

#include "core/lock_words.h"

class LockWords : public Napi::ObjectWrap<LockWords> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit LockWords(const Napi::CallbackInfo& info); /* (name) */
  ~LockWords() override;

  /* fd -1 once they are closed. */
  struct gshm_lock_words* words() { return &words_; }
  /* What words say of an owner. Throws INVALID. */
  static uint64_t OwnerOf(Napi::Env env, Napi::Value process, Napi::Value holder);

 private:
  using Info = const Napi::CallbackInfo&;

  void MustBeOpen(Napi::Env env);
  uint32_t SlotOf(Info info);
  uint32_t GenerationOf(Info info);
  uint32_t EndOf(Info info, Napi::Value value);

  Napi::Value Fd(Info info);
  void Give(Info info);
  Napi::Value Shut(Info info);
  Napi::Value Owner(Info info);
  Napi::Value Look(Info info);
  Napi::Value Take(Info info);
  Napi::Value Acquired(Info info);
  Napi::Value Holds(Info info);
  void Begin(Info info);
  Napi::Value Rung(Info info);
  Napi::Value Held(Info info);
  Napi::Value Free(Info info);
  Napi::Value LetPass(Info info);
  void LetNotPass(Info info);
  Napi::Value Passed(Info info);
  Napi::Value Await(Info info);
  Napi::Value AwaitNot(Info info);
  Napi::Value OpenTo(Info info);
  void Close(Info info);

  std::vector<uint32_t> rung_; /* kept, for it is asked for whenever a bell rings */
  struct gshm_lock_words words_ = {-1, nullptr};
};

#endif
