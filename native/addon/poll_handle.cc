/* poll_handle.cc: see poll_handle.h. */
#include "poll_handle.h"

#include <cerrno>
#include <utility>

class PollHandle {
 public:
  PollHandle(PollSlot* slot, std::function<void()> ready, std::function<void()> writable)
      : slot_(slot), ready_(std::move(ready)), writable_(std::move(writable)) {}

  int Start(napi_env env, int fd) {
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -EINVAL;
    int result = uv_poll_init(loop, &poll_, fd);
    if (result != 0) return result;
    poll_.data = this;
    napi_add_async_cleanup_hook(env, OnEnvironmentEnd, this, &hook_);
    Watch(true);
    return 0;
  }

  void Watch(bool on) {
    if (on) uv_poll_start(&poll_, events_, OnReady);
    else uv_poll_stop(&poll_);
  }

  void AwaitWritable(bool on) {
    events_ = on ? UV_READABLE | UV_WRITABLE : UV_READABLE;
    Watch(true);
  }

  void KeepAlive(bool on) {
    uv_handle_t* handle = reinterpret_cast<uv_handle_t*>(&poll_);
    if (on) uv_ref(handle);
    else uv_unref(handle);
  }

  void Close() {
    if (!slot_) return;
    slot_->handle_ = nullptr;
    slot_ = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnClosed);
  }

 private:
  /* An error state (a socket whose peer is gone) counts as readable: reading will tell. libuv has
   * stopped watching then; whoever does not close goes on. */
  static void OnReady(uv_poll_t* poll, int status, int events) {
    PollHandle* self = static_cast<PollHandle*>(poll->data);
    if (self->slot_ && (events & UV_WRITABLE)) self->writable_();
    if (self->slot_ && (status < 0 || (events & UV_READABLE))) self->ready_();
    if (status < 0 && self->slot_) self->Watch(true);
  }

  static void OnClosed(uv_handle_t* handle) {
    PollHandle* self = static_cast<PollHandle*>(handle->data);
    if (self->hook_) napi_remove_async_cleanup_hook(self->hook_);
    delete self;
  }

  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) {
    static_cast<PollHandle*>(data)->Close();
  }

  uv_poll_t poll_{};
  PollSlot* slot_;
  std::function<void()> ready_, writable_;
  int events_ = UV_READABLE;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

int PollSlot::Open(napi_env env, int fd, std::function<void()> ready, std::function<void()> writable) {
  PollHandle* handle = new PollHandle(this, std::move(ready), std::move(writable));
  int result = handle->Start(env, fd);
  if (result != 0) {
    delete handle; /* libuv has not seen it: uv_poll_init leaves nothing behind when it fails */
    return result;
  }
  handle_ = handle;
  return 0;
}

void PollSlot::Close() {
  if (handle_) handle_->Close();
}

void PollSlot::Watch(bool on) {
  if (handle_) handle_->Watch(on);
}

void PollSlot::AwaitWritable(bool on) {
  if (handle_) handle_->AwaitWritable(on);
}

void PollSlot::KeepAlive(bool on) {
  if (handle_) handle_->KeepAlive(on);
}
