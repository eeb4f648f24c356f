/* client_shared.cc: see client_shared.h. */
#include "client_shared.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "failure.h"

namespace {

struct Shared {
  napi_env env;
  uintptr_t view;
  napi_ref bytes; /* strong */
};

std::mutex lock; /* worker threads have environments of their own */
std::vector<Shared*> all;

void Forget(Shared* shared) {
  std::lock_guard<std::mutex> guard(lock);
  all.erase(std::remove(all.begin(), all.end(), shared), all.end());
}

/* Its references go now. Other threads may have the buffer still: they find zeros, not what V8 puts there next. */
void EnvironmentEnds(void* data) {
  std::unique_ptr<Shared> shared(static_cast<Shared*>(data));
  Forget(shared.get());
  gshm_unmap(&gshm_self, reinterpret_cast<void*>(shared->view)); /* after a detach there is none */
}

}  // namespace

uintptr_t ShareView(Napi::Env env, gshm_segment* segment, Napi::Value bytes) {
  napi_typedarray_type type = napi_int8_array;
  size_t room = 0;
  void* start = nullptr;
  napi_status status = napi_get_typedarray_info(env, bytes, &type, &room, &start, nullptr, nullptr);
  uintptr_t at = reinterpret_cast<uintptr_t>(start);
  if (status != napi_ok || type != napi_uint8_array || room == 0 || (at | room) % GSHM_PAGE_SIZE != 0)
    throw MakeError(env, GSHM_E_INVALID, "the memory to share is no Uint8Array of whole pages");
  auto shared = std::make_unique<Shared>(Shared{env, at, nullptr});
  if (napi_create_reference(env, bytes, 1, &shared->bytes) != napi_ok)
    throw MakeError(env, GSHM_E_SYSTEM, "napi_create_reference failed");
  if (!gshm_map_inside(segment, start, room)) {
    napi_delete_reference(env, shared->bytes);
    return 0;
  }
  napi_add_env_cleanup_hook(env, EnvironmentEnds, shared.get());
  std::lock_guard<std::mutex> guard(lock);
  all.push_back(shared.release());
  return at;
}

void SharedViewGone(Napi::Env env, uintptr_t view) {
  std::vector<Shared*> gone;
  {
    std::lock_guard<std::mutex> guard(lock);
    for (Shared* shared : all)
      if (shared->env == env && (view == 0 || shared->view == view)) gone.push_back(shared);
  }
  for (Shared* each : gone) {
    std::unique_ptr<Shared> shared(each);
    Forget(shared.get());
    napi_remove_env_cleanup_hook(env, EnvironmentEnds, shared.get());
    napi_delete_reference(env, shared->bytes);
  }
}
