/* arguments.h: reading JavaScript arguments, the short way for the hot path.
 *
 * The methods that run once or more per fault are plain Node-API callbacks: a wrapper per argument
 * costs as much there as the system call they make. */
#ifndef GSHM_ADDON_ARGUMENTS_H
#define GSHM_ADDON_ARGUMENTS_H

#include <napi.h>

#include <cstdint>
#include <string>

#include "failure.h"

/* The largest integer that a JavaScript number holds exactly. */
constexpr double kMaxInteger = 9007199254740991.0;

/* `this` and the arguments of a raw callback. */
template <class T, size_t Count>
struct RawCall {
  T* self = nullptr;
  napi_value arguments[Count] = {};

  RawCall(napi_env env, napi_callback_info info) {
    size_t count = Count;
    napi_value receiver = nullptr;
    void* wrapped = nullptr;
    napi_get_cb_info(env, info, &count, arguments, &receiver, nullptr);
    /* A foreign receiver is refused by V8 already: methods carry their class's signature. */
    if (napi_unwrap(env, receiver, &wrapped) == napi_ok) self = static_cast<T*>(wrapped);
  }
};

/* A whole number from 0 to 2^53 - 1; false otherwise. */
inline bool ToUint(napi_env env, napi_value value, uint64_t* out) {
  double number = -1;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  if (!(number >= 0 && number <= kMaxInteger)) return false;
  *out = static_cast<uint64_t>(number);
  return static_cast<double>(*out) == number;
}

/* What a Uint8Array (or Buffer) holds from byte `at` on; false if it is none, or shorter. */
inline bool ToBytes(napi_env env, napi_value array, uint64_t at, uint8_t** data, size_t* room) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* start = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &start, nullptr, nullptr) != napi_ok) return false;
  if (type != napi_uint8_array || at > length) return false;
  *data = static_cast<uint8_t*>(start) + at;
  *room = length - at;
  return true;
}

/* The same as ToUint for wrapped calls: throws ERR_GSHM_INVALID naming `what`. */
inline uint64_t UintOf(Napi::Env env, napi_value value, const char* what) {
  uint64_t number = 0;
  if (!ToUint(env, value, &number))
    throw MakeError(env, GSHM_E_INVALID, std::string(what) + " must be a whole number from 0 to 2^53 - 1");
  return number;
}

/* A descriptor: a whole number that fits an int. Throws ERR_GSHM_INVALID. */
inline int FdOf(Napi::Env env, napi_value value) {
  uint64_t number = UintOf(env, value, "a file descriptor");
  if (number > INT32_MAX) throw MakeError(env, GSHM_E_INVALID, "a file descriptor is out of range");
  return static_cast<int>(number);
}

inline Napi::Function FunctionOf(Napi::Env env, Napi::Value value, const char* what) {
  if (!value.IsFunction()) throw MakeError(env, GSHM_E_INVALID, std::string(what) + " must be a function");
  return value.As<Napi::Function>();
}

/* A raw method for a class's property list. */
inline napi_property_descriptor RawMethod(const char* name, napi_callback method) {
  napi_property_descriptor descriptor{};
  descriptor.utf8name = name;
  descriptor.method = method;
  descriptor.attributes = napi_default_method;
  return descriptor;
}

#endif
