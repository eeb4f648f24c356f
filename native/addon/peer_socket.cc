/* peer_socket.cc: see peer_socket.h. */
#include "peer_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "arguments.h"
#include "reflexes.h"
#include "step_aside.h"

namespace {

constexpr int kReads = 16; /* in one wake-up, when each fills the buffer: others wait */

}  // namespace

Napi::Function PeerSocket::Define(Napi::Env env) {
  return DefineClass(env, "PeerSocket",
                     {
                         RawMethod("write", &PeerSocket::Write),
                         InstanceMethod<&PeerSocket::Queued>("queued"),
                         InstanceMethod<&PeerSocket::Heed>("heed"),
                         InstanceMethod<&PeerSocket::End>("end"),
                         InstanceMethod<&PeerSocket::Close>("close"),
                     });
}

PeerSocket::PeerSocket(const Napi::CallbackInfo& info)
    : ObjectWrap(info),
      read_(info.Env(), FunctionOf(info.Env(), info[2], "PeerSocket: read"), "gshm:peer"),
      closed_(info.Env(), FunctionOf(info.Env(), info[3], "PeerSocket: closed"), "gshm:peer") {
  Napi::Env env = info.Env();
  int fd = FdOf(env, info[0]);
  if (!ToBytes(env, info[1], 0, &bytes_, &room_) || room_ == 0)
    throw MakeError(env, GSHM_E_INVALID, "PeerSocket: buffer must be a Uint8Array that is not empty");
  buffer_ = Napi::Persistent(info[1].As<Napi::Uint8Array>());
  reflexes_ = Reflexes::Optional(env, info[4], &reflexes_object_, "PeerSocket");
  fd_ = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (fd_ < 0) throw SystemError(env, "PeerSocket: fcntl", errno);
  int result = poll_.Open(env, fd_, [this] { OnReadable(); }, [this] { OnWritable(); });
  if (result != 0) {
    close(fd_);
    fd_ = -1;
    throw SystemError(env, "uv_poll", -result);
  }
  Ref();
}

PeerSocket::~PeerSocket() {
  poll_.Close();
  if (fd_ >= 0) close(fd_);
}

void PeerSocket::CloseNow() {
  if (fd_ < 0) return;
  poll_.Close();
  close(fd_);
  fd_ = -1;
  queue_ = {};
  sent_ = 0;
  Unref();
}

void PeerSocket::Close(const Napi::CallbackInfo&) { CloseNow(); }

void PeerSocket::OnReadable() {
  FromLoop(Env(), [this] {
    for (int reads = 0; reads < kReads && fd_ >= 0; reads++) {
      ssize_t count = recv(fd_, bytes_, room_, MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (count <= 0) {
        const char* why = count == 0 ? "" : uv_err_name(-errno);
        bool tell = !ending_;
        CloseNow();
        napi_value arguments[] = {Napi::String::New(Env(), why)};
        if (tell) closed_.Call(1, arguments);
        return;
      }
      if (!ending_) Read(static_cast<size_t>(count));
      if (static_cast<size_t>(count) < room_) return;
    }
  });
}

/* Who waits for what a reflex has sent goes first: nobody waits for what the engine does about it now. */
void PeerSocket::Read(size_t count) {
  if (reflexes_ && heeded_ && between_ && reflexes_->OnFrame(bytes_, count)) StepAside(Env());
  napi_value arguments[] = {Napi::Number::New(Env(), static_cast<double>(count))};
  between_ = read_.IsTrue(1, arguments);
  if (reflexes_) reflexes_->MustBeKnown(Env());
}

/* Gives how many of the bytes need not be kept. */
size_t PeerSocket::SendNow(const uint8_t* bytes, size_t length) {
  size_t sent = 0;
  while (sent < length && !broken_) {
    ssize_t count = send(fd_, bytes + sent, length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) sent += static_cast<size_t>(count);
    else if (errno == EAGAIN) return sent;
    else if (errno != EINTR) broken_ = true;
  }
  return length;
}

/* write(bytes): copies what the kernel does not take; gives how many bytes wait. */
napi_value PeerSocket::Write(napi_env env, napi_callback_info info) {
  RawCall<PeerSocket, 1> call(env, info);
  PeerSocket* self = call.self;
  uint8_t* bytes = nullptr;
  size_t length = 0;
  if (!self || !ToBytes(env, call.arguments[0], 0, &bytes, &length)) {
    napi_throw_type_error(env, nullptr, "PeerSocket.write: bytes must be a Uint8Array");
    return nullptr;
  }
  self->Send(bytes, length);
  napi_value queued = nullptr;
  napi_create_double(env, static_cast<double>(self->queue_.size() - self->sent_), &queued);
  return queued;
}

bool PeerSocket::Send(const uint8_t* bytes, size_t length) {
  if (fd_ < 0 || ending_) return false;
  size_t sent = queue_.empty() ? SendNow(bytes, length) : 0;
  bool waits = !queue_.empty();
  if (sent < length) queue_.insert(queue_.end(), bytes + sent, bytes + length);
  if (!waits && sent < length) poll_.AwaitWritable(true);
  return true;
}

void PeerSocket::OnWritable() {
  if (fd_ < 0) return;
  sent_ += SendNow(queue_.data() + sent_, queue_.size() - sent_);
  if (sent_ < queue_.size()) {
    /* A peer that always leaves something to be sent must not make us keep all that ever was. */
    if (sent_ < queue_.size() / 2) return;
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(sent_));
    sent_ = 0;
    return;
  }
  queue_ = {};
  sent_ = 0;
  poll_.AwaitWritable(false);
  Sent();
}

/* Nothing waits. */
void PeerSocket::Sent() {
  if (ending_) shutdown(fd_, SHUT_WR);
}

Napi::Value PeerSocket::Queued(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(queue_.size() - sent_));
}

/* heed(): the peer is a member, and what it says may have reflexes. */
void PeerSocket::Heed(const Napi::CallbackInfo&) { heeded_ = true; }

/* It closes by itself when the peer has closed too. */
void PeerSocket::End(const Napi::CallbackInfo&) {
  if (fd_ < 0 || ending_) return;
  ending_ = true;
  if (queue_.empty()) Sent();
}

Napi::Object InitPeerSocket(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = PeerSocket::Define(env);
  DataOf(env).peer_socket = Napi::Persistent(constructor);
  exports.Set("PeerSocket", constructor);
  return exports;
}
