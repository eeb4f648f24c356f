/* device_codec.cc: see device_codec.h. */
#include "device_codec.h"

#include <cstring>

#include "arguments.h"
#include "core/utf8.h"

namespace {

const char* const kOps[GSHM_OP_COUNT] = {
    nullptr, "hello", "create",  "open", "close", "stat",   "unlink",  "map",
    "alloc", "realloc", "free", "lock", "unlock", "barrier", "fork", "inspect",
    "acquire", "release",
};
static_assert(GSHM_OP_RELEASE == 17 && GSHM_OP_COUNT == 18, "kOps lists the ops of device.h in order");

/* Bytes of an op's request body. */
size_t BodySize(uint16_t op) {
  switch (op) {
    case GSHM_OP_HELLO: return sizeof(struct gshm_hello_request);
    case GSHM_OP_CREATE: return sizeof(struct gshm_create_request);
    case GSHM_OP_OPEN: return sizeof(struct gshm_open_request);
    case GSHM_OP_CLOSE: return sizeof(struct gshm_close_request);
    case GSHM_OP_STAT:
    case GSHM_OP_UNLINK: return sizeof(struct gshm_name_request);
    case GSHM_OP_MAP: return sizeof(struct gshm_map_request);
    case GSHM_OP_ALLOC: return sizeof(struct gshm_alloc_request);
    case GSHM_OP_REALLOC: return sizeof(struct gshm_realloc_request);
    case GSHM_OP_FREE: return sizeof(struct gshm_free_request);
    case GSHM_OP_LOCK:
    case GSHM_OP_UNLOCK: return sizeof(struct gshm_lock_request);
    case GSHM_OP_BARRIER: return sizeof(struct gshm_barrier_request);
    case GSHM_OP_FORK: return 0;
    case GSHM_OP_INSPECT: return sizeof(struct gshm_inspect_request);
    case GSHM_OP_ACQUIRE:
    case GSHM_OP_RELEASE: return sizeof(struct gshm_range_request);
    default: return SIZE_MAX;
  }
}

/* Fills a request object; the first thing that is wrong stays in `why`. */
class Filler {
 public:
  Filler(Napi::Env env, std::string* why) : env_(env), object_(Napi::Object::New(env)), why_(why) {}

  void Number(const char* key, uint64_t value) { object_.Set(key, Napi::Number::New(env_, static_cast<double>(value))); }
  void Big(const char* key, uint64_t value) { object_.Set(key, Napi::BigInt::New(env_, value)); }
  void Text(const char* key, const std::string& value) { object_.Set(key, Napi::String::New(env_, value)); }

  /* What is no UTF-8 becomes the empty name, which no segment and no lock may have. */
  void Name(const char* key, const char (&field)[GSHM_NAME_MAX + 1]) {
    if (strnlen(field, sizeof field) == sizeof field) Wrong("a name is not terminated");
    else Text(key, gshm_is_utf8(field) ? field : "");
  }

  void Word(const char* key, const char (&field)[GSHM_WORD_MAX + 1]) {
    if (strnlen(field, sizeof field) == sizeof field) Wrong("a word is not terminated");
    else Text(key, field);
  }

  /* Lock keys: numbers and names are different spaces, so they get different first letters. */
  void Key(const struct gshm_key& key) {
    if (key.kind == GSHM_KEY_NUMBER) Text("key", "#" + std::to_string(key.number));
    else if (key.kind != GSHM_KEY_NAME) Wrong("a key is neither a name nor a number");
    else if (strnlen(key.name, sizeof key.name) == sizeof key.name) Wrong("a name is not terminated");
    else Text("key", gshm_is_utf8(key.name) ? std::string("=") + key.name : "");
  }

  Napi::Object Done() { return why_->empty() ? object_ : Napi::Object(); }

 private:
  void Wrong(const char* why) {
    if (why_->empty()) *why_ = why;
  }

  Napi::Env env_;
  Napi::Object object_;
  std::string* why_;
};

template <class Body>
Body As(const uint8_t* bytes) {
  Body body;
  memcpy(&body, bytes, sizeof body);
  return body;
}

/* Reads the fields of a reply's body. */
class Reader {
 public:
  Reader(Napi::Env env, Napi::Value body) : env_(env) {
    if (!body.IsObject()) throw MakeError(env, GSHM_E_INVALID, "this op's reply has a body");
    object_ = body.As<Napi::Object>();
  }
  uint64_t Number(const char* key) { return UintOf(env_, object_.Get(key), key); }
  uint32_t Small(const char* key) { return static_cast<uint32_t>(Number(key)); }
  bool Bool(const char* key) { return object_.Get(key).ToBoolean(); }
  uint64_t Big(const char* key) {
    Napi::Value value = object_.Get(key);
    bool lossless = false;
    uint64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
    if (!lossless) throw MakeError(env_, GSHM_E_INVALID, std::string(key) + " must be a bigint of 64 bits");
    return number;
  }
  template <size_t Size>
  void Text(const char* key, char (&field)[Size]) {
    Napi::Value value = object_.Get(key);
    std::string text = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
    if (!value.IsString() || text.size() >= Size)
      throw MakeError(env_, GSHM_E_INVALID, std::string(key) + " must be a string of less than " + std::to_string(Size) + " bytes");
    memcpy(field, text.data(), text.size());
  }

 private:
  Napi::Env env_;
  Napi::Object object_;
};

void Start(DeviceBytes* out, uint16_t op, uint32_t serial, int32_t status) {
  struct gshm_frame header = {};
  header.op = static_cast<uint16_t>(op | GSHM_REPLY);
  header.serial = serial;
  header.status = status;
  memcpy(out->bytes, &header, sizeof header);
  out->length = sizeof header;
}

void Append(DeviceBytes* out, const void* data, size_t size) {
  if (size > 0) memcpy(out->bytes + out->length, data, size);
  out->length += size;
  uint32_t length = static_cast<uint32_t>(out->length);
  memcpy(out->bytes, &length, sizeof length); /* gshm_frame.length comes first */
}

struct gshm_segment_info SegmentInfoOf(Reader& from) {
  struct gshm_segment_info info = {};
  info.segment = from.Small("segment");
  info.mode = from.Small("mode");
  info.uid = from.Small("uid");
  info.gid = from.Small("gid");
  info.size = from.Number("size");
  info.heap_bytes = from.Number("heapBytes");
  info.heap_blocks = from.Number("heapBlocks");
  info.created_ms = from.Number("createdMs");
  info.linked = from.Bool("linked");
  info.homes = from.Small("homes");
  info.home = from.Small("home");
  info.unit = from.Small("unit");
  from.Text("consistency", info.consistency);
  from.Text("manager", info.manager);
  from.Text("name", info.name);
  return info;
}

struct gshm_hello_reply HelloOf(Reader& from) {
  struct gshm_hello_reply hello = {};
  hello.token = from.Big("token");
  hello.node = from.Small("node");
  hello.nodes = from.Small("nodes");
  hello.page_size = GSHM_PAGE_SIZE;
  from.Text("cluster", hello.cluster);
  from.Text("nodeName", hello.node_name);
  return hello;
}

}  // namespace

bool DecodeHeader(const uint8_t* bytes, size_t length, struct gshm_frame* header, std::string* why) {
  if (length < sizeof *header) {
    *why = "shorter than a frame's header";
    return false;
  }
  memcpy(header, bytes, sizeof *header);
  size_t body = BodySize(header->op);
  if (header->length != length) *why = "a length that is not the packet's";
  else if (body == SIZE_MAX) *why = "an unknown op " + std::to_string(header->op);
  else if (length != sizeof *header + body) *why = std::string("a wrong length for ") + kOps[header->op];
  else if (header->status != 0 || header->reserved != 0) *why = "a status in a request";
  return why->empty();
}

Napi::Object DecodeRequest(Napi::Env env, const struct gshm_frame& header, const uint8_t* bytes, std::string* why) {
  Filler to(env, why);
  to.Text("op", kOps[header.op]);
  to.Number("serial", header.serial);
  switch (header.op) {
    case GSHM_OP_HELLO: {
      auto body = As<struct gshm_hello_request>(bytes);
      to.Number("abi", body.abi);
      to.Number("kind", body.kind);
      to.Big("token", body.token);
      to.Big("fork", body.fork);
      break;
    }
    case GSHM_OP_CREATE: {
      auto body = As<struct gshm_create_request>(bytes);
      to.Number("size", body.size);
      to.Number("flags", body.flags);
      to.Number("mode", body.mode);
      to.Number("unit", body.unit);
      to.Number("home", body.home);
      to.Word("consistency", body.consistency);
      to.Word("manager", body.manager);
      to.Name("name", body.name);
      break;
    }
    case GSHM_OP_OPEN: {
      auto body = As<struct gshm_open_request>(bytes);
      to.Number("flags", body.flags);
      to.Name("name", body.name);
      break;
    }
    case GSHM_OP_CLOSE: to.Number("segment", As<struct gshm_close_request>(bytes).segment); break;
    case GSHM_OP_STAT:
    case GSHM_OP_UNLINK: to.Name("name", As<struct gshm_name_request>(bytes).name); break;
    case GSHM_OP_MAP: {
      auto body = As<struct gshm_map_request>(bytes);
      to.Number("segment", body.segment);
      to.Number("address", body.address);
      to.Number("offset", body.offset);
      to.Number("length", body.length);
      break;
    }
    case GSHM_OP_ALLOC: {
      auto body = As<struct gshm_alloc_request>(bytes);
      to.Number("segment", body.segment);
      to.Number("size", body.size);
      break;
    }
    case GSHM_OP_REALLOC: {
      auto body = As<struct gshm_realloc_request>(bytes);
      to.Number("segment", body.segment);
      to.Number("offset", body.offset);
      to.Number("size", body.size);
      break;
    }
    case GSHM_OP_FREE: {
      auto body = As<struct gshm_free_request>(bytes);
      to.Number("segment", body.segment);
      to.Number("offset", body.offset);
      break;
    }
    case GSHM_OP_LOCK:
    case GSHM_OP_UNLOCK: {
      auto body = As<struct gshm_lock_request>(bytes);
      to.Key(body.key);
      to.Big("holder", body.holder);
      break;
    }
    case GSHM_OP_BARRIER: {
      auto body = As<struct gshm_barrier_request>(bytes);
      to.Key(body.key);
      to.Number("count", body.count);
      break;
    }
    case GSHM_OP_INSPECT: {
      auto body = As<struct gshm_inspect_request>(bytes);
      to.Number("what", body.what);
      to.Name("name", body.name);
      break;
    }
    case GSHM_OP_ACQUIRE:
    case GSHM_OP_RELEASE: {
      auto body = As<struct gshm_range_request>(bytes);
      to.Number("segment", body.segment);
      to.Number("offset", body.offset);
      to.Number("length", body.length);
      break;
    }
    default: break; /* FORK has no body; unknown ops do not come here */
  }
  return to.Done();
}

uint16_t OpOf(Napi::Env env, Napi::Value name) {
  if (name.IsString()) {
    std::string text = name.As<Napi::String>().Utf8Value();
    for (uint16_t op = 1; op < GSHM_OP_COUNT; op++)
      if (text == kOps[op]) return op;
  }
  throw MakeError(env, GSHM_E_INVALID, "an op of native/abi/device.h is expected");
}

void EncodeReply(Napi::Env env, uint16_t op, uint32_t serial, Napi::Value body, DeviceBytes* out) {
  Start(out, op, serial, 0);
  switch (op) {
    case GSHM_OP_HELLO: {
      Reader from(env, body);
      auto hello = HelloOf(from);
      return Append(out, &hello, sizeof hello);
    }
    case GSHM_OP_CREATE:
    case GSHM_OP_OPEN:
    case GSHM_OP_STAT: {
      Reader from(env, body);
      auto info = SegmentInfoOf(from);
      return Append(out, &info, sizeof info);
    }
    case GSHM_OP_ALLOC:
    case GSHM_OP_REALLOC: {
      Reader from(env, body);
      struct gshm_block_reply block = {from.Number("offset"), from.Number("size"), from.Number("oldSize")};
      return Append(out, &block, sizeof block);
    }
    case GSHM_OP_FORK: {
      struct gshm_fork_reply fork = {Reader(env, body).Big("fork")};
      return Append(out, &fork, sizeof fork);
    }
    case GSHM_OP_INSPECT: {
      struct gshm_inspect_reply inspect = {Reader(env, body).Number("length")};
      return Append(out, &inspect, sizeof inspect);
    }
    default: return Append(out, nullptr, 0);
  }
}

void EncodeFailure(uint16_t op, uint32_t serial, int32_t error, const std::string& detail, DeviceBytes* out) {
  size_t size = detail.size();
  if (size > GSHM_DETAIL_MAX) {
    size = GSHM_DETAIL_MAX;
    while (size > 0 && (detail[size] & 0xC0) == 0x80) size--;
  }
  Start(out, op, serial, error);
  Append(out, detail.data(), size);
}
