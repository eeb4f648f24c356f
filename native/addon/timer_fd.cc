/* timer_fd.cc: see timer_fd.h. */
#include "timer_fd.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

int TimerFd::Open(napi_env env, std::function<void()> expired) {
  fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd_ < 0) return -errno;
  int result = poll_.Open(env, fd_, [this, expired = std::move(expired)] {
    uint64_t times;
    /* Armed anew since it became ready: nothing to read, the later deadline counts. */
    if (read(fd_, &times, sizeof times) < 0) return;
    poll_.KeepAlive(false);
    expired();
  });
  if (result != 0) {
    close(fd_);
    fd_ = -1;
    return result;
  }
  poll_.KeepAlive(false);
  return 0;
}

void TimerFd::Arm(uint64_t microseconds) {
  if (fd_ < 0) return;
  struct itimerspec when = {};
  when.it_value.tv_sec = static_cast<time_t>(microseconds / 1000000);
  when.it_value.tv_nsec = static_cast<long>(microseconds % 1000000) * 1000;
  timerfd_settime(fd_, 0, &when, nullptr);
  poll_.KeepAlive(microseconds != 0);
}

void TimerFd::Close() {
  poll_.Close();
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}
