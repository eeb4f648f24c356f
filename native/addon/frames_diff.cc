/* frames_diff.cc: diffs of frames against twins, and diffs into frames and twins. See core/diff.h. */
#include <cerrno>

#include "addon.h"
#include "arguments.h"
#include "core/diff.h"
#include "frames.h"

namespace {

/* `length` bytes at `at` of a Uint8Array; false if they are not all there. */
bool ToDiff(napi_env env, napi_value array, napi_value at, napi_value length, uint8_t** diff, size_t* bytes) {
  uint64_t offset = 0, count = 0;
  size_t room = 0;
  if (!ToUint(env, at, &offset) || !ToUint(env, length, &count)) return false;
  if (!ToBytes(env, array, offset, diff, &room) || count > room) return false;
  *bytes = count;
  return true;
}

/* A unit's size, GSHM_PAGE_SIZE when it is not given; false if there is no such unit. */
bool ToUnit(napi_env env, napi_value value, uint64_t* unit) {
  napi_valuetype type = napi_undefined;
  *unit = GSHM_PAGE_SIZE;
  if (!value || napi_typeof(env, value, &type) != napi_ok || type == napi_undefined) return true;
  return ToUint(env, value, unit) && gshm_diff_unit_ok(*unit);
}

napi_value BooleanOf(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

/* applyDiff(target, diff, at, length): the unit is the whole of target. */
napi_value ApplyDiff(napi_env env, napi_callback_info info) {
  size_t count = 4, unit = 0, length = 0;
  napi_value arguments[4] = {};
  uint8_t *target = nullptr, *diff = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (!ToBytes(env, arguments[0], 0, &target, &unit) || !gshm_diff_unit_ok(unit) ||
      !ToDiff(env, arguments[1], arguments[2], arguments[3], &diff, &length))
    return ThrowRaw(env, GSHM_E_INVALID, "applyDiff: (target of a unit's size, Uint8Array, at, length)");
  if (gshm_diff_check(diff, length, unit) != 0) return BooleanOf(env, false);
  gshm_diff_apply(diff, length, target, unit);
  return BooleanOf(env, true);
}

}  // namespace

napi_value Frames::Diff(napi_env env, napi_callback_info info) {
  RawCall<Frames, 4> call(env, info);
  uint64_t page = 0, at = 0;
  uint8_t *twin = nullptr, *out = nullptr;
  size_t unit = 0, room = 0, length = 0;
  if (!call.self || !ToUint(env, call.arguments[0], &page) || !ToUint(env, call.arguments[3], &at) ||
      !ToBytes(env, call.arguments[1], 0, &twin, &unit) || !gshm_diff_unit_ok(unit) ||
      !ToBytes(env, call.arguments[2], at, &out, &room) || room < GSHM_DIFF_BYTES_MAX(unit))
    return ThrowRaw(env, GSHM_E_INVALID,
                    "Frames.diff: (page, twin of 4096 to 65536 bytes, Uint8Array, at) with diffRoom() bytes from at");
  int result = gshm_frames_diff(&call.self->frames_, page, twin, unit, out, &length);
  if (result == -EINVAL) return ThrowRaw(env, GSHM_E_BEYOND_END, "Frames.diff: beyond the segment's end");
  if (result != 0 && result != -ENODATA) return ThrowSystemRaw(env, "Frames.diff", -result);
  napi_value number = nullptr;
  napi_create_int32(env, result == 0 ? static_cast<int32_t>(length) : -1, &number);
  return number;
}

napi_value Frames::Patch(napi_env env, napi_callback_info info) {
  RawCall<Frames, 5> call(env, info);
  uint64_t page = 0, unit = 0;
  uint8_t* diff = nullptr;
  size_t length = 0;
  if (!call.self || !ToUint(env, call.arguments[0], &page) || !ToUnit(env, call.arguments[4], &unit) ||
      !ToDiff(env, call.arguments[1], call.arguments[2], call.arguments[3], &diff, &length))
    return ThrowRaw(env, GSHM_E_INVALID, "Frames.patch: (page, Uint8Array, at, length, unit) with length bytes from at");
  int result = gshm_frames_patch(&call.self->frames_, page, diff, length, unit);
  if (result == -EINVAL) return ThrowRaw(env, GSHM_E_BEYOND_END, "Frames.patch: beyond the segment's end");
  if (result != 0 && result != -EBADMSG) return ThrowSystemRaw(env, "Frames.patch", -result);
  return BooleanOf(env, result == 0);
}

Napi::Object InitDiff(Napi::Env env, Napi::Object exports) {
  napi_property_descriptor apply = RawMethod("applyDiff", ApplyDiff);
  napi_define_properties(env, exports, 1, &apply);
  return exports;
}
