/* device_channel.h: one connection from a process to the device socket. */
#ifndef GSHM_ADDON_DEVICE_CHANNEL_H
#define GSHM_ADDON_DEVICE_CHANNEL_H

#include <napi.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "callback.h"
#include "core/fdpass.h"
#include "device_codec.h"
#include "poll_handle.h"

/* The functions that TypeScript gave the listener; shared with its channels, which may outlive it. */
struct DeviceHandlers {
  DeviceHandlers(Napi::Env env, Napi::Object handlers);
  Callback connect, request, malformed, disconnect;
};

class DeviceChannel : public Napi::ObjectWrap<DeviceChannel> {
 public:
  static Napi::Function Define(Napi::Env env);
  /* Only the listener makes them: (External of DeviceChannel::Accepted). */
  struct Accepted {
    int fd;
    struct ucred peer;
    std::shared_ptr<DeviceHandlers> handlers;
  };
  explicit DeviceChannel(const Napi::CallbackInfo& info);
  ~DeviceChannel() override;

  /* That request is under way, and its answer would be taken. */
  bool MayReply(uint32_t serial) const { return fd_ >= 0 && outstanding_ && serial_ == serial && !hostile_; }
  /* The successful answer to that request, before the engine gives it: then reply() has nothing to do. */
  void ReplyAhead(uint16_t op, uint32_t serial, const void* body, size_t size);

 private:
  Napi::Value Peer(const Napi::CallbackInfo& info);
  void Reply(const Napi::CallbackInfo& info);
  void Fail(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void OnReady();
  void OnPacket(const uint8_t* bytes, struct gshm_packet* packet);
  void Malformed(struct gshm_packet* packet, const std::string& why);
  void Send(const DeviceBytes& frame, const std::vector<int>& fds);
  bool CloseNow();

  std::shared_ptr<DeviceHandlers> handlers_;
  struct ucred peer_ = {};
  int fd_ = -1;
  bool outstanding_ = false; /* the request serial_ was handed on and not answered yet */
  uint32_t serial_ = 0;
  bool ahead_ = false;       /* the answer to the request ahead_serial_ has gone already */
  uint32_t ahead_serial_ = 0;
  bool hostile_ = false;     /* it does not take its replies: hear no more, wait for the end */
  bool deaf_ = false;        /* because there was no room for them, not because it has left */
  PollSlot poll_;
};

#endif
