/* frames.cc: see frames.h; bounds are native/core's to check, the byte arrays' are checked here. */
#include "frames.h"

#include <cerrno>

#include "addon.h"
#include "arguments.h"

namespace {

/* How many pages: one when it is not said. */
bool ToCount(napi_env env, napi_value value, uint64_t* count) {
  napi_valuetype type = napi_undefined;
  *count = 1;
  if (!value || napi_typeof(env, value, &type) != napi_ok || type == napi_undefined) return true;
  return ToUint(env, value, count) && *count > 0 && *count <= GSHM_FRAMES_MAX;
}

/* `count` pages at `at` of a Uint8Array (or Buffer); nullptr if they are not all there. */
void* PagesOf(napi_env env, napi_value array, napi_value at, napi_value how_many, uint64_t* count) {
  uint8_t* data = nullptr;
  size_t room = 0;
  uint64_t offset = 0;
  if (!ToUint(env, at, &offset) || !ToCount(env, how_many, count)) return nullptr;
  if (!ToBytes(env, array, offset, &data, &room)) return nullptr;
  return room / GSHM_PAGE_SIZE < *count ? nullptr : data;
}

napi_value DoneOrThrow(napi_env env, int result, const char* call) {
  if (result == 0) return nullptr;
  if (result == -EINVAL) return ThrowRaw(env, GSHM_E_BEYOND_END, std::string(call) + ": beyond the segment's end");
  return ThrowSystemRaw(env, call, -result);
}

}  // namespace

Napi::Function Frames::Define(Napi::Env env) {
  return DefineClass(env, "Frames",
                     {
                         RawMethod("copyOut", CopyOut),
                         RawMethod("copyIn", CopyIn),
                         RawMethod("zero", Zero),
                         RawMethod("punch", Punch),
                         RawMethod("diff", Diff),
                         RawMethod("patch", Patch),
                         InstanceMethod<&Frames::Present>("present"),
                         InstanceMethod<&Frames::Resident>("resident"),
                         InstanceMethod<&Frames::Close>("close"),
                         InstanceAccessor<&Frames::Fd>("fd"),
                         InstanceAccessor<&Frames::Pages>("pages"),
                     });
}

Frames::Frames(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  Napi::Env env = info.Env();
  if (!info[0].IsString()) throw MakeError(env, GSHM_E_INVALID, "Frames: name must be a string");
  uint64_t pages = UintOf(env, info[1], "pages");
  int result = gshm_frames_open(&frames_, info[0].As<Napi::String>().Utf8Value().c_str(), pages);
  if (result == -EINVAL) throw MakeError(env, GSHM_E_INVALID, "Frames: 1 to 2^32 pages, a name of at most 249 bytes");
  if (result != 0) throw SystemError(env, "memfd_create", -result);
}

Frames::~Frames() { gshm_frames_close(&frames_); }

Frames* Frames::From(Napi::Env env, Napi::Value value) {
  if (value.IsObject() && value.As<Napi::Object>().InstanceOf(DataOf(env).frames.Value()))
    return Unwrap(value.As<Napi::Object>());
  throw MakeError(env, GSHM_E_INVALID, "Frames are expected");
}

napi_value Frames::CopyOut(napi_env env, napi_callback_info info) {
  RawCall<Frames, 4> call(env, info);
  uint64_t page = 0, count = 0;
  void* into = PagesOf(env, call.arguments[1], call.arguments[2], call.arguments[3], &count);
  if (!call.self || !into || !ToUint(env, call.arguments[0], &page))
    return ThrowRaw(env, GSHM_E_INVALID, "Frames.copyOut: (page, Uint8Array, at, count) with count * 4096 bytes from at");
  return DoneOrThrow(env, gshm_frames_copy_out(&call.self->frames_, page, count, into), "Frames.copyOut");
}

napi_value Frames::CopyIn(napi_env env, napi_callback_info info) {
  RawCall<Frames, 4> call(env, info);
  uint64_t page = 0, count = 0;
  void* from = PagesOf(env, call.arguments[1], call.arguments[2], call.arguments[3], &count);
  if (!call.self || !from || !ToUint(env, call.arguments[0], &page))
    return ThrowRaw(env, GSHM_E_INVALID, "Frames.copyIn: (page, Uint8Array, at, count) with count * 4096 bytes from at");
  return DoneOrThrow(env, gshm_frames_copy_in(&call.self->frames_, page, count, from), "Frames.copyIn");
}

napi_value Frames::Zero(napi_env env, napi_callback_info info) {
  RawCall<Frames, 2> call(env, info);
  uint64_t page = 0, count = 0;
  if (!call.self || !ToUint(env, call.arguments[0], &page) || !ToCount(env, call.arguments[1], &count) ||
      count > GSHM_FRAMES_ZERO_MAX)
    return ThrowRaw(env, GSHM_E_INVALID, "Frames.zero: (page, count), 16 pages at most");
  return DoneOrThrow(env, gshm_frames_zero(&call.self->frames_, page, count), "Frames.zero");
}

napi_value Frames::Punch(napi_env env, napi_callback_info info) {
  RawCall<Frames, 2> call(env, info);
  uint64_t page = 0, count = 0;
  if (!call.self || !ToUint(env, call.arguments[0], &page) || !ToUint(env, call.arguments[1], &count))
    return ThrowRaw(env, GSHM_E_INVALID, "Frames.punch: page and count must be whole numbers");
  return DoneOrThrow(env, gshm_frames_punch(&call.self->frames_, page, count), "Frames.punch");
}

Napi::Value Frames::Present(const Napi::CallbackInfo& info) {
  uint64_t page = UintOf(info.Env(), info[0], "page"), count = 1;
  if (!ToCount(info.Env(), info[1], &count)) throw MakeError(info.Env(), GSHM_E_INVALID, "Frames.present: (page, count)");
  int result = gshm_frames_present(&frames_, page, count);
  if (result < 0) throw SystemError(info.Env(), "lseek", -result);
  return Napi::Boolean::New(info.Env(), result == 1);
}

Napi::Value Frames::Resident(const Napi::CallbackInfo& info) {
  uint64_t pages = 0;
  int result = gshm_frames_resident(&frames_, &pages);
  if (result != 0) throw SystemError(info.Env(), "fstat", -result);
  return Napi::Number::New(info.Env(), static_cast<double>(pages));
}

Napi::Value Frames::Fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), frames_.fd); }

Napi::Value Frames::Pages(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(frames_.pages));
}

void Frames::Close(const Napi::CallbackInfo&) { gshm_frames_close(&frames_); }

Napi::Object InitFrames(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = Frames::Define(env);
  DataOf(env).frames = Napi::Persistent(constructor);
  exports.Set("Frames", constructor);
  return exports;
}
