/* callback.h: calling JavaScript from the event loop. */
#ifndef GSHM_ADDON_CALLBACK_H
#define GSHM_ADDON_CALLBACK_H

#include <napi.h>

/* Hands an exception that nobody can catch to process 'uncaughtException'. */
inline void RaisePending(napi_env env) {
  bool pending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

/* A JavaScript function that the event loop calls; ticks and promises run when it returns. */
class Callback {
 public:
  Callback(Napi::Env env, Napi::Function function, const char* resource)
      : env_(env), context_(env, resource), function_(Napi::Persistent(function)) {}

  /* Calls with `receiver` as this, or undefined; gives what that gives, NULL if it has thrown. Needs an open handle scope. */
  napi_value Call(size_t count, const napi_value* arguments, napi_value receiver = nullptr) {
    napi_value result = nullptr;
    if (!receiver) receiver = env_.Global();
    napi_make_callback(env_, context_, receiver, function_.Value(), count, arguments, &result);
    RaisePending(env_);
    return result;
  }

  /* Calls, and tells whether it gave true. */
  bool IsTrue(size_t count, const napi_value* arguments) {
    napi_value result = Call(count, arguments);
    bool is_true = false;
    return result && napi_get_value_bool(env_, result, &is_true) == napi_ok && is_true;
  }

  /* For calls that come from JavaScript: an exception stays pending for that caller. */
  void CallDirectly(size_t count, const napi_value* arguments) {
    napi_value result = nullptr;
    napi_call_function(env_, env_.Undefined(), function_.Value(), count, arguments, &result);
  }

 private:
  Napi::Env env_;
  Napi::AsyncContext context_;
  Napi::FunctionReference function_;
};

/* Runs `body` from the event loop: with a handle scope, and errors raised as uncaught. */
template <class Body>
void FromLoop(Napi::Env env, Body body) {
  Napi::HandleScope scope(env);
  try {
    body();
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());
  }
}

#endif
