/* timer_fd.h: a one-shot timer of microsecond resolution in Node's event loop. */
#ifndef GSHM_ADDON_TIMER_FD_H
#define GSHM_ADDON_TIMER_FD_H

#include <cstdint>
#include <functional>

#include "poll_handle.h"

class TimerFd {
 public:
  TimerFd() = default;
  TimerFd(const TimerFd&) = delete;
  TimerFd& operator=(const TimerFd&) = delete;
  ~TimerFd() { Close(); }

  /* 0 or a negative errno. `expired` runs without a handle scope. */
  int Open(napi_env env, std::function<void()> expired);
  /* Expires in `microseconds`, instead of any earlier deadline; 0 disarms. The event loop is kept
   * alive only while armed. */
  void Arm(uint64_t microseconds);
  void Close();
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
  PollSlot poll_;
};

#endif
