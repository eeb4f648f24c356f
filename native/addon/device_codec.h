/* device_codec.h: frames of native/abi/device.h <-> JavaScript objects.
 *
 * Decoding trusts nothing: a frame has exactly the length of its struct, names end within their
 * field, kinds are known. Byte counts above 2^53 arrive rounded, and are out of every range. */
#ifndef GSHM_ADDON_DEVICE_CODEC_H
#define GSHM_ADDON_DEVICE_CODEC_H

#include <napi.h>

#include <cstdint>
#include <string>

#include "abi/device.h"

struct DeviceBytes {
  uint8_t bytes[GSHM_FRAME_MAX];
  size_t length = 0;
};

/* The header of a received packet; false (and `why`) if it is none or the length is wrong. */
bool DecodeHeader(const uint8_t* bytes, size_t length, struct gshm_frame* header, std::string* why);

/* The request after its header, as DeviceRequest; an empty object handle (and `why`) if malformed. */
Napi::Object DecodeRequest(Napi::Env env, const struct gshm_frame& header, const uint8_t* body, std::string* why);

/* Number of an op by its name in TypeScript; throws ERR_GSHM_INVALID. */
uint16_t OpOf(Napi::Env env, Napi::Value name);

/* A reply frame with the op's body from `body` (DeviceReplies). Throws ERR_GSHM_INVALID. */
void EncodeReply(Napi::Env env, uint16_t op, uint32_t serial, Napi::Value body, DeviceBytes* out);

/* A success frame whose body is there already, as device.h has it. */
void EncodeBody(uint16_t op, uint32_t serial, const void* body, size_t size, DeviceBytes* out);

/* A failure frame; the detail is cut at GSHM_DETAIL_MAX bytes, at the start of a character. */
void EncodeFailure(uint16_t op, uint32_t serial, int32_t error, const std::string& detail, DeviceBytes* out);

#endif
