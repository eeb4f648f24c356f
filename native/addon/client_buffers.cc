/* client_buffers.cc: see client_buffers.h. */
#include "client_buffers.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "failure.h"

namespace {

struct Entry {
  napi_env env;
  uintptr_t view; /* 0 once detached */
  napi_ref buffer; /* weak */
};

std::mutex lock; /* worker threads have environments of their own */
std::vector<Entry*> entries;

void Collected(napi_env env, void*, void* hint) {
  Entry* entry = static_cast<Entry*>(hint);
  {
    std::lock_guard<std::mutex> guard(lock);
    entries.erase(std::remove(entries.begin(), entries.end(), entry), entries.end());
  }
  if (entry->buffer) napi_delete_reference(env, entry->buffer);
  delete entry;
}

void Check(napi_env env, napi_status status, const char* call) {
  if (status == napi_ok) return;
  throw MakeError(env, GSHM_E_SYSTEM, std::string(call) + " failed: status " + std::to_string(status));
}

}  // namespace

Napi::Value MakeViewBuffer(Napi::Env env, uintptr_t view, uintptr_t at, size_t length) {
  Entry* entry = new Entry{env, view, nullptr};
  napi_value buffer = nullptr;
  napi_status status =
      napi_create_external_arraybuffer(env, reinterpret_cast<void*>(at), length, Collected, entry, &buffer);
  if (status != napi_ok) delete entry;
  Check(env, status, "napi_create_external_arraybuffer");
  std::lock_guard<std::mutex> guard(lock);
  entries.push_back(entry);
  Check(env, napi_create_reference(env, buffer, 0, &entry->buffer), "napi_create_reference");
  return Napi::Value(env, buffer);
}

void DetachViewBuffers(Napi::Env env, uintptr_t view) {
  std::vector<napi_value> buffers;
  {
    std::lock_guard<std::mutex> guard(lock);
    auto concerned = [view](const Entry* entry) { return entry->view != 0 && (view == 0 || entry->view == view); };
    for (const Entry* entry : entries) {
      if (concerned(entry) && entry->env != env)
        throw MakeError(env, GSHM_E_UNSUPPORTED, "another worker thread has an ArrayBuffer over it: unmap it there");
    }
    for (Entry* entry : entries) {
      if (!concerned(entry)) continue;
      napi_value buffer = nullptr;
      napi_get_reference_value(env, entry->buffer, &buffer);
      if (buffer) buffers.push_back(buffer);
      entry->view = 0;
    }
  }
  for (napi_value buffer : buffers) Check(env, napi_detach_arraybuffer(env, buffer), "napi_detach_arraybuffer");
}
