/* reflexes.h: what the engine is going to do with locks at its next event, done here at once.
 *
 * Between the event (a lock is given back, its token comes) and whoever waits for what follows from it stands
 * the engine, which takes longer than everything else. But what it will do is known before: so it is
 * prepared while nobody waits, and carried out by the addon as the event comes. Right after that, before
 * anything else happens, the engine gets the event as always, and finds that this has been done
 * (kmod-sim/reflexes.ts). Nothing is decided here: an event that is not exactly the expected one has no reflex. */
#ifndef GSHM_ADDON_REFLEXES_H
#define GSHM_ADDON_REFLEXES_H

#include <napi.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "device_channel.h"
#include "lock_words.h"
#include "peer_socket.h"

class Reflexes : public Napi::ObjectWrap<Reflexes> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Reflexes(const Napi::CallbackInfo& info);

  /* The bell has rung: words may have been given back. True: something was carried out. */
  bool OnRing();
  /* These bytes have come from a node, and no others. True: something was carried out. */
  bool OnFrame(const uint8_t* bytes, size_t length);
  /* The engine has had its turn: throws an AssertionError if it does not know of all that has been carried out. */
  void MustBeKnown(Napi::Env env) const;
  /* The object that JavaScript may give as the argument `who: reflexes`, with which nothing is done if it is undefined.
   * Throws INVALID. */
  static Reflexes* Optional(Napi::Env env, Napi::Value value, Napi::ObjectReference* kept, const char* who);

 private:
  struct Reflex {
    uint32_t id = 0;
    bool done = false;
    Napi::ObjectReference prepared; /* keeps alive what the pointers point to */
    LockWords* words = nullptr;
    uint32_t slot = 0, generation = 0;
    std::vector<uint8_t> frame; /* to come; empty: the word is to be given back */
    PeerSocket* socket = nullptr; /* either: send `bytes` */
    std::vector<uint8_t> bytes;
    DeviceChannel* channel = nullptr; /* or: lend the lock to `owner`, and answer its request `serial` */
    uint32_t serial = 0;
    uint64_t owner = 0;
    bool shut = false;
  };

  Napi::Value Prepare(const Napi::CallbackInfo& info);
  Napi::Value Drop(const Napi::CallbackInfo& info);
  Napi::Value Done(const Napi::CallbackInfo& info);
  void Allow(const Napi::CallbackInfo& info);

  bool IsFree(const Reflex& reflex) const;
  static void Hear(const Reflex& reflex);
  bool CarryOut(Reflex* reflex);

  std::vector<std::unique_ptr<Reflex>> reflexes_;
  uint32_t last_id_ = 0;
  size_t unknown_ = 0;
  bool allowed_ = true;
};

#endif
