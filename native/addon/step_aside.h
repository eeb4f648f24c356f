/* step_aside.h: lets others have the CPU for a moment. */
#ifndef GSHM_ADDON_STEP_ASIDE_H
#define GSHM_ADDON_STEP_ASIDE_H

#include <node_api.h>
#include <poll.h>
#include <sys/prctl.h>
#include <time.h>
#include <uv.h>

/* Whoever has just been woken on this CPU runs first; this thread goes on when its event loop has something else to
 * do, after kStepAsideNs at the latest. sched_yield does not do that: the scheduler lets a thread go on that has not
 * used up its slice (measured, Linux 6.18), and a shorter sleep is over before it has begun. */
constexpr long kStepAsideNs = 40000;

inline void StepAside(napi_env env) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return;
  static const int slack = prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* the kernel would add 50 us */
  static_cast<void>(slack);
  struct pollfd events = {uv_backend_fd(loop), POLLIN, 0};
  const struct timespec moment = {0, kStepAsideNs};
  ppoll(&events, 1, &moment, nullptr);
}

#endif
