/* failure.cc: see failure.h. */
#include "failure.h"

#include <cerrno>
#include <cstring>

static const struct {
  const char* name;
  const char* text;
} kErrors[] = {
    {"OK", "success"},
#define X(name, number, text) {#name, text},
    GSHM_ERRORS(X)
#undef X
};

const char* ErrorName(enum gshm_error error) { return kErrors[error].name; }
const char* ErrorText(enum gshm_error error) { return kErrors[error].text; }

Napi::Error MakeError(Napi::Env env, enum gshm_error error, const std::string& detail) {
  Napi::Error made = Napi::Error::New(env, detail.empty() ? ErrorText(error) : detail);
  made.Set("code", Napi::String::New(env, std::string("ERR_GSHM_") + ErrorName(error)));
  return made;
}

static enum gshm_error KindOf(int number) {
  switch (number) {
    case EMFILE:
    case ENFILE: return GSHM_E_DESCRIPTORS;
    case ENOMEM:
    case ENOSPC: return GSHM_E_MEMORY;
    default: return GSHM_E_SYSTEM;
  }
}

Napi::Error SystemError(Napi::Env env, const std::string& call, int number) {
  enum gshm_error kind = KindOf(number);
  std::string text = call + ": " + strerror(number);
  if (kind == GSHM_E_DESCRIPTORS) text += " (raise ulimit -n)";
  if (kind == GSHM_E_MEMORY) text += " (the machine has no memory left)";
  Napi::Error made = MakeError(env, kind, text);
  made.Set("errno", Napi::Number::New(env, number));
  return made;
}

napi_value ThrowRaw(napi_env env, enum gshm_error error, const std::string& detail) {
  MakeError(env, error, detail).ThrowAsJavaScriptException();
  return nullptr;
}

napi_value ThrowSystemRaw(napi_env env, const std::string& call, int number) {
  SystemError(env, call, number).ThrowAsJavaScriptException();
  return nullptr;
}
