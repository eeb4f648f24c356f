/* poll_handle.h: one descriptor in Node's event loop.
 *
 * A handle lives until libuv has let go of it, which is later than its owner's close(): so the
 * owner holds it by a PollSlot, which the handle empties when it closes, for whatever reason (the
 * owner's wish, or the end of the environment). After Close() the descriptor may be closed at once,
 * and the function is not called any more, even when Close() is called inside it. */
#ifndef GSHM_ADDON_POLL_HANDLE_H
#define GSHM_ADDON_POLL_HANDLE_H

#include <node_api.h>
#include <uv.h>

#include <functional>

class PollHandle;

class PollSlot {
 public:
  PollSlot() = default;
  PollSlot(const PollSlot&) = delete;
  PollSlot& operator=(const PollSlot&) = delete;
  ~PollSlot() { Close(); }

  /* Watches `fd` until closed. The functions run without a handle scope. 0 or a negative errno. */
  int Open(napi_env env, int fd, std::function<void()> ready, std::function<void()> writable = nullptr);
  void Close();
  /* Pauses and goes on. */
  void Watch(bool on);
  /* Whether `writable` is called when there is room to write; not at first. */
  void AwaitWritable(bool on);
  /* Whether the handle keeps the event loop alive; it does at first. */
  void KeepAlive(bool on);
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  friend class PollHandle;
  PollHandle* handle_ = nullptr;
};

#endif
