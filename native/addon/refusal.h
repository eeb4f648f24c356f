/* refusal.h: telling a process that the daemon has no descriptor left for it.
 *
 * Holds one spare descriptor. When accept() finds none, the spare's place takes the connection; its
 * first request is answered with GSHM_E_DESCRIPTORS, it is closed, and the spare is opened again.
 * So the process gets an error that names the knob instead of silence. */
#ifndef GSHM_ADDON_REFUSAL_H
#define GSHM_ADDON_REFUSAL_H

#include <functional>

#include "poll_handle.h"
#include "timer_fd.h"

class Refusal {
 public:
  ~Refusal() { Close(); }
  /* `done` is called (without a handle scope) when a refusal is over. 0 or a negative errno. */
  int Open(napi_env env, std::function<void()> done);
  /* Takes the next connection of `listener` for refusing; false if even that did not work. */
  bool Refuse(int listener);
  void Close();

 private:
  void OnReady();
  void Finish();

  napi_env env_ = nullptr;
  std::function<void()> done_;
  int spare_ = -1;
  int fd_ = -1;
  PollSlot poll_;
  TimerFd patience_;
};

#endif
