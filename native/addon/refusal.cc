/* refusal.cc: see refusal.h. */
#include "refusal.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/fdpass.h"
#include "device_codec.h"

namespace {
constexpr uint64_t kPatienceMicroseconds = 1000000; /* for a process that connects and says nothing */
int OpenSpare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
}  // namespace

int Refusal::Open(napi_env env, std::function<void()> done) {
  env_ = env;
  done_ = std::move(done);
  spare_ = OpenSpare();
  if (spare_ < 0) return -errno;
  return patience_.Open(env, [this] { Finish(); });
}

bool Refusal::Refuse(int listener) {
  if (spare_ < 0) spare_ = OpenSpare();
  if (spare_ < 0 || fd_ >= 0) return false;
  close(spare_);
  spare_ = -1;
  fd_ = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd_ >= 0 && poll_.Open(env_, fd_, [this] { OnReady(); }) == 0) {
    patience_.Arm(kPatienceMicroseconds);
    return true;
  }
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  spare_ = OpenSpare();
  return false;
}

void Refusal::OnReady() {
  uint8_t bytes[GSHM_FRAME_MAX];
  struct gshm_packet packet;
  struct gshm_frame header;
  std::string why;
  int result = gshm_packet_receive(fd_, bytes, sizeof bytes, MSG_DONTWAIT, &packet);
  if (result == -EAGAIN) return;
  if (result == 1) {
    gshm_packet_close_fds(&packet);
    if (DecodeHeader(bytes, packet.length, &header, &why)) {
      DeviceBytes frame;
      EncodeFailure(header.op, header.serial, GSHM_E_DESCRIPTORS,
                    "gshmd is out of file descriptors: raise its ulimit -n", &frame);
      gshm_packet_send(fd_, frame.bytes, frame.length, nullptr, 0, MSG_DONTWAIT);
    }
  }
  Finish();
}

void Refusal::Finish() {
  poll_.Close();
  patience_.Arm(0);
  if (fd_ < 0) return;
  close(fd_);
  fd_ = -1;
  spare_ = OpenSpare();
  done_();
}

void Refusal::Close() {
  poll_.Close();
  patience_.Close();
  if (fd_ >= 0) close(fd_);
  if (spare_ >= 0) close(spare_);
  fd_ = spare_ = -1;
}
