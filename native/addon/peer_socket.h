/* peer_socket.h: a connected stream socket to another node, in Node's event loop.
 *
 * As much as node:net does for a link, without its layers: what comes is read into one buffer and told by
 * one call; what is sent goes out at once, and what the kernel does not take waits here. */
#ifndef GSHM_ADDON_PEER_SOCKET_H
#define GSHM_ADDON_PEER_SOCKET_H

#include <napi.h>

#include <cstdint>
#include <vector>

#include "callback.h"
#include "poll_handle.h"

class Reflexes;

class PeerSocket : public Napi::ObjectWrap<PeerSocket> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit PeerSocket(const Napi::CallbackInfo& info); /* (fd, buffer, read, closed, reflexes?) */
  ~PeerSocket() override;

  /* Sends, and copies what the kernel does not take. False: nothing is sent any more. */
  bool Send(const uint8_t* bytes, size_t length);

 private:
  static napi_value Write(napi_env env, napi_callback_info info);
  Napi::Value Queued(const Napi::CallbackInfo& info);
  void Heed(const Napi::CallbackInfo& info);
  void End(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void OnReadable();
  void Read(size_t count);
  void OnWritable();
  size_t SendNow(const uint8_t* bytes, size_t length);
  void Sent();
  void CloseNow();

  Callback read_, closed_;
  Napi::Reference<Napi::Uint8Array> buffer_;
  Napi::ObjectReference reflexes_object_;
  Reflexes* reflexes_ = nullptr;
  bool heeded_ = false;  /* reflexes may answer what comes */
  bool between_ = false; /* what comes next begins a frame */
  uint8_t* bytes_ = nullptr;
  size_t room_ = 0;
  std::vector<uint8_t> queue_; /* from sent_ on: not taken yet */
  size_t sent_ = 0;
  int fd_ = -1;
  bool ending_ = false; /* what comes is dropped; when the queue is empty, nothing more is sent */
  bool broken_ = false; /* sending failed: reading will tell */
  PollSlot poll_;
};

#endif
