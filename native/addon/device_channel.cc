/* device_channel.cc: see device_channel.h. */
#include "device_channel.h"

#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "arguments.h"

DeviceHandlers::DeviceHandlers(Napi::Env env, Napi::Object handlers)
    : connect(env, FunctionOf(env, handlers.Get("connect"), "DeviceHandlers.connect"), "gshm:device"),
      request(env, FunctionOf(env, handlers.Get("request"), "DeviceHandlers.request"), "gshm:device"),
      malformed(env, FunctionOf(env, handlers.Get("malformed"), "DeviceHandlers.malformed"), "gshm:device"),
      disconnect(env, FunctionOf(env, handlers.Get("disconnect"), "DeviceHandlers.disconnect"), "gshm:device") {}

Napi::Function DeviceChannel::Define(Napi::Env env) {
  return DefineClass(env, "DeviceChannel",
                     {
                         InstanceMethod<&DeviceChannel::Reply>("reply"),
                         InstanceMethod<&DeviceChannel::Fail>("fail"),
                         InstanceMethod<&DeviceChannel::Close>("close"),
                         InstanceAccessor<&DeviceChannel::Peer>("peer"),
                     });
}

DeviceChannel::DeviceChannel(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  Napi::Env env = info.Env();
  if (!info[0].IsExternal()) throw MakeError(env, GSHM_E_INVALID, "a DeviceListener makes its channels");
  Accepted* accepted = info[0].As<Napi::External<Accepted>>().Data();
  int result = poll_.Open(env, accepted->fd, [this] { OnReady(); });
  if (result != 0) throw SystemError(env, "uv_poll", -result);
  fd_ = accepted->fd;
  peer_ = accepted->peer;
  handlers_ = accepted->handlers;
  Ref();
}

DeviceChannel::~DeviceChannel() {
  poll_.Close();
  if (fd_ >= 0) close(fd_);
}

bool DeviceChannel::CloseNow() {
  if (fd_ < 0) return false;
  poll_.Close();
  close(fd_);
  fd_ = -1;
  Unref();
  return true;
}

void DeviceChannel::Close(const Napi::CallbackInfo&) { CloseNow(); }

/* One packet a wake-up: a well-behaved process has no second one before it has its reply, but a CANCEL or BYE. */
void DeviceChannel::OnReady() {
  FromLoop(Env(), [this] {
    uint8_t bytes[GSHM_FRAME_MAX];
    struct gshm_packet packet;
    int result = gshm_packet_receive(fd_, bytes, sizeof bytes, MSG_DONTWAIT, &packet);
    if (result == -EAGAIN) return;
    if (result == 1) return OnPacket(bytes, &packet);
    if (deaf_) return Malformed(&packet, "it takes no replies");
    Napi::Object self = Value();
    napi_value arguments[] = {self};
    if (CloseNow()) handlers_->disconnect.Call(1, arguments);
  });
}

void DeviceChannel::OnPacket(const uint8_t* bytes, struct gshm_packet* packet) {
  if (hostile_) return gshm_packet_close_fds(packet);
  std::string why;
  struct gshm_frame header;
  if (packet->truncated) why = "longer than any frame";
  else if (packet->fds_lost == 1) why = "too many descriptors";
  if (!why.empty() || !DecodeHeader(bytes, packet->length, &header, &why)) return Malformed(packet, why);
  /* No request itself: it has no reply, and may come while one is under way. */
  const bool bare = header.op == GSHM_OP_CANCEL || header.op == GSHM_OP_BYE;
  if (outstanding_ && !bare) return Malformed(packet, "a request before the reply to the last one");
  if (packet->fds_lost && !bare) { /* our shortage, not the process's fault: say so and go on */
    gshm_packet_close_fds(packet);
    DeviceBytes frame;
    EncodeFailure(header.op, header.serial, GSHM_E_DESCRIPTORS,
                  "gshmd is out of file descriptors: raise its ulimit -n", &frame);
    return Send(frame, {});
  }
  Napi::Env env = Env();
  Napi::Object request = DecodeRequest(env, header, bytes + sizeof header, &why);
  if (request.IsEmpty()) return Malformed(packet, why);
  Napi::Array fds = Napi::Array::New(env, static_cast<size_t>(packet->fd_count));
  for (int i = 0; i < packet->fd_count; i++) fds.Set(static_cast<uint32_t>(i), packet->fds[i]);
  if (!bare) {
    outstanding_ = true;
    serial_ = header.serial;
  }
  napi_value arguments[] = {Value(), request, fds};
  handlers_->request.Call(3, arguments);
}

void DeviceChannel::Malformed(struct gshm_packet* packet, const std::string& why) {
  gshm_packet_close_fds(packet);
  napi_value arguments[] = {Value(), Napi::String::New(Env(), why)};
  CloseNow();
  handlers_->malformed.Call(2, arguments);
}

namespace {

/* The supplementary groups of whoever connected, as they were then. A process that has more than there is room for
 * makes the kernel say how many. */
std::vector<gid_t> GroupsOf(int fd) {
  std::vector<gid_t> groups(32);
  for (;;) {
    socklen_t length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    int result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
    const int error = errno;
    size_t count = length / sizeof(gid_t);
    const bool again = result != 0 && error == ERANGE && count > groups.size();
    groups.resize(result == 0 || again ? count : 0);
    if (!again) return groups;
  }
}

}  // namespace

Napi::Value DeviceChannel::Peer(const Napi::CallbackInfo& info) {
  Napi::Object peer = Napi::Object::New(info.Env());
  Napi::Array groups = Napi::Array::New(info.Env());
  for (gid_t group : fd_ < 0 ? std::vector<gid_t>() : GroupsOf(fd_)) groups.Set(groups.Length(), group);
  peer.Set("groups", groups);
  peer.Set("pid", Napi::Number::New(info.Env(), peer_.pid));
  peer.Set("uid", Napi::Number::New(info.Env(), peer_.uid));
  peer.Set("gid", Napi::Number::New(info.Env(), peer_.gid));
  return peer;
}

/* A process that is owed one reply at most has room for it. One that has none made it so: it is cut
 * off, and its end comes through the event loop like any other. */
void DeviceChannel::Send(const DeviceBytes& frame, const std::vector<int>& fds) {
  if (fd_ < 0 || hostile_) return; /* it left while its request was worked on */
  outstanding_ = false;
  int result = gshm_packet_send(fd_, frame.bytes, frame.length, fds.data(), static_cast<int>(fds.size()), MSG_DONTWAIT);
  if (result == 0) return;
  if (result == -EBADF || result == -EINVAL)
    throw SystemError(Env(), "a reply's descriptor: sendmsg", -result);
  if (result == -ETOOMANYREFS) throw SystemError(Env(), "too many descriptors are on their way: sendmsg", -result);
  hostile_ = true;
  deaf_ = result == -EAGAIN;
  shutdown(fd_, SHUT_RDWR);
}

void DeviceChannel::ReplyAhead(uint16_t op, uint32_t serial, const void* body, size_t size) {
  DeviceBytes frame;
  EncodeBody(op, serial, body, size, &frame);
  Send(frame, {});
  ahead_ = true;
  ahead_serial_ = serial;
}

void DeviceChannel::Reply(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DeviceBytes frame;
  uint32_t serial = static_cast<uint32_t>(UintOf(env, info[1], "serial"));
  if (ahead_ && serial == ahead_serial_) {
    ahead_ = false;
    return;
  }
  EncodeReply(env, OpOf(env, info[0]), serial, info[2], &frame);
  std::vector<int> fds;
  if (info[3].IsArray()) {
    Napi::Array passed = info[3].As<Napi::Array>();
    if (passed.Length() > GSHM_FDS_MAX) throw MakeError(env, GSHM_E_INVALID, "reply: too many descriptors");
    for (uint32_t i = 0; i < passed.Length(); i++) fds.push_back(FdOf(env, passed.Get(i)));
  }
  Send(frame, fds);
}

void DeviceChannel::Fail(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint64_t error = UintOf(env, info[2], "error");
  if (error == 0 || error >= GSHM_E_COUNT) throw MakeError(env, GSHM_E_INVALID, "fail: no error number of errors.h");
  if (ahead_ && UintOf(env, info[1], "serial") == ahead_serial_)
    throw MakeError(env, GSHM_E_INVALID, "fail: the request has had its answer already");
  std::string detail = info[3].IsString() ? info[3].As<Napi::String>().Utf8Value() : "";
  DeviceBytes frame;
  EncodeFailure(OpOf(env, info[0]), static_cast<uint32_t>(UintOf(env, info[1], "serial")),
                static_cast<int32_t>(error), detail, &frame);
  Send(frame, {});
}
