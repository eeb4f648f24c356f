/* device_codec.cc: see device_codec.h. */
#include "device_codec.h"

#include <cstring>
#include <type_traits>

#include "arguments.h"
#include "core/utf8.h"

namespace {

/* Fills a request object; the first thing that is wrong stays in `why`. */
class Filler {
 public:
  Filler(Napi::Env env, std::string* why) : env_(env), object_(Napi::Object::New(env)), why_(why) {}

  void Number(const char* key, uint64_t value) { object_.Set(key, Napi::Number::New(env_, static_cast<double>(value))); }
  void Big(const char* key, uint64_t value) { object_.Set(key, Napi::BigInt::New(env_, value)); }
  void Signed(const char* key, int64_t value) { object_.Set(key, Napi::BigInt::New(env_, value)); }
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
  void Key(const struct gshm_key_frame& key) {
    if (key.kind == GSHM_KEY_NUMBER) Text("key", "#" + std::to_string(key.number));
    else if (key.kind == GSHM_KEY_ADDRESS) Text("key", Address(key.number));
    else if (key.kind != GSHM_KEY_NAME) Wrong("a key is neither a name nor a number nor an address");
    else if (strnlen(key.name, sizeof key.name) == sizeof key.name) Wrong("a name is not terminated");
    else Text("key", gshm_is_utf8(key.name) ? std::string("=") + key.name : "");
  }

  /* "@segment:offset" */
  static std::string Address(uint64_t address) {
    uint64_t offset = address & ((1ull << GSHM_OFFSET_BITS) - 1);
    return "@" + std::to_string(address >> GSHM_OFFSET_BITS) + ":" + std::to_string(offset);
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

void Put(Filler& to, const struct gshm_hello_request& body) {
  to.Number("abi", body.abi);
  to.Number("kind", body.kind);
  to.Big("token", body.token);
  to.Big("fork", body.fork);
}
void Put(Filler& to, const struct gshm_create_request& body) {
  to.Number("size", body.size);
  to.Number("flags", body.flags);
  to.Number("mode", body.mode);
  to.Number("unit", body.unit);
  to.Number("home", body.home);
  to.Word("consistency", body.consistency);
  to.Word("manager", body.manager);
  to.Number("maxSize", body.max_size);
  to.Name("name", body.name);
}
void Put(Filler& to, const struct gshm_open_request& body) {
  to.Number("flags", body.flags);
  to.Name("name", body.name);
}
void Put(Filler& to, const struct gshm_close_request& body) { to.Number("segment", body.segment); }
void Put(Filler& to, const struct gshm_name_request& body) { to.Name("name", body.name); }
void Put(Filler& to, const struct gshm_map_request& body) {
  to.Number("segment", body.segment);
  to.Number("address", body.address);
  to.Number("offset", body.offset);
  to.Number("length", body.length);
}
void Put(Filler& to, const struct gshm_alloc_request& body) {
  to.Number("segment", body.segment);
  to.Number("size", body.size);
}
void Put(Filler& to, const struct gshm_realloc_request& body) {
  to.Number("segment", body.segment);
  to.Number("offset", body.offset);
  to.Number("size", body.size);
}
void Put(Filler& to, const struct gshm_free_request& body) {
  to.Number("segment", body.segment);
  to.Number("offset", body.offset);
}
void Put(Filler& to, const struct gshm_heap_request& body) { to.Number("segment", body.segment); }
void Put(Filler& to, const struct gshm_span_request& body) {
  to.Number("segment", body.segment);
  to.Number("class", body.class_number);
}
void Put(Filler& to, const struct gshm_alloc_with_request& body) {
  to.Number("segment", body.segment);
  to.Number("flags", body.flags);
  to.Number("size", body.size);
  to.Number("align", body.align);
  to.Number("home", body.home);
}
void Put(Filler& to, const struct gshm_lock_request& body) {
  to.Key(body.key);
  to.Big("holder", body.holder);
  to.Number("flags", body.flags);
}
void Put(Filler& to, const struct gshm_object_request& body) {
  to.Key(body.key);
  to.Number("kind", body.kind);
  to.Number("deed", body.deed);
  to.Big("holder", body.holder);
  to.Signed("value", body.value);
  to.Signed("initial", body.initial);
  to.Number("flags", body.flags);
}
void Put(Filler& to, const struct gshm_lock_pages_request& body) {
  to.Number("segment", body.segment);
  to.Number("what", body.what);
}
void Put(Filler& to, const struct gshm_barrier_request& body) {
  to.Key(body.key);
  to.Number("count", body.count);
  to.Number("flags", body.flags);
  to.Number("parted", body.parted);
}
void Put(Filler& to, const struct gshm_inspect_request& body) {
  to.Number("what", body.what);
  to.Name("name", body.name);
}
void Put(Filler& to, const struct gshm_range_request& body) {
  to.Number("segment", body.segment);
  to.Number("offset", body.offset);
  to.Number("length", body.length);
}

void Put(Filler& to, const struct gshm_resize_request& body) {
  to.Number("segment", body.segment);
  to.Number("size", body.size);
}
void Put(Filler& to, const struct gshm_size_request& body) { to.Number("segment", body.segment); }
void Put(Filler& to, const struct gshm_unmap_request& body) {
  to.Number("address", body.address);
  to.Number("length", body.length);
}
void Put(Filler& to, const struct gshm_parted_request& body) { to.Number("number", body.number); }

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
  int64_t Signed(const char* key) {
    Napi::Value value = object_.Get(key);
    bool lossless = false;
    int64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Int64Value(&lossless) : 0;
    if (!lossless) throw MakeError(env_, GSHM_E_INVALID, std::string(key) + " must be a signed bigint of 64 bits");
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

void Take(Reader& from, struct gshm_hello_reply* hello) {
  hello->token = from.Big("token");
  hello->node = from.Small("node");
  hello->nodes = from.Small("nodes");
  hello->page_size = GSHM_PAGE_SIZE;
  from.Text("cluster", hello->cluster);
  from.Text("nodeName", hello->node_name);
}
void Take(Reader& from, struct gshm_segment_info* info) {
  info->segment = from.Small("segment");
  info->mode = from.Small("mode");
  info->uid = from.Small("uid");
  info->gid = from.Small("gid");
  info->size = from.Number("size");
  info->heap_bytes = from.Number("heapBytes");
  info->heap_blocks = from.Number("heapBlocks");
  info->created_ms = from.Number("createdMs");
  info->linked = from.Bool("linked");
  info->homes = from.Small("homes");
  info->home = from.Small("home");
  info->unit = from.Small("unit");
  from.Text("consistency", info->consistency);
  from.Text("manager", info->manager);
  from.Text("name", info->name);
  info->max_size = from.Number("maxSize");
}
void Take(Reader& from, struct gshm_block_reply* block) {
  block->offset = from.Number("offset");
  block->size = from.Number("size");
  block->old_size = from.Number("oldSize");
}
void Take(Reader& from, struct gshm_heap_reply* heap) {
  heap->chunks = from.Number("chunks");
  heap->span_bytes = from.Small("spanBytes");
}
void Take(Reader& from, struct gshm_span_reply* span) {
  span->chunk = from.Small("chunk");
  span->generation = from.Small("generation");
}
void Take(Reader& from, struct gshm_lock_reply* lock) {
  lock->slot = from.Small("slot");
  lock->generation = from.Small("generation");
  lock->owner_died = from.Bool("ownerDied");
  lock->line = from.Bool("line");
}
void Take(Reader& from, struct gshm_object_reply* object) {
  object->value = from.Signed("value");
  object->owner_died = from.Bool("ownerDied");
}
void Take(Reader& from, struct gshm_lock_pages_reply* pages) { pages->process = from.Small("process"); }
void Take(Reader& from, struct gshm_size_reply* size) { size->size = from.Number("size"); }
void Take(Reader& from, struct gshm_barrier_reply* barrier) {
  barrier->number = from.Number("number");
  barrier->lines = from.Small("lines");
  barrier->root = from.Bool("root");
}
void Take(Reader& from, struct gshm_fork_reply* fork) { fork->fork = from.Big("fork"); }
void Take(Reader& from, struct gshm_inspect_reply* inspect) { inspect->length = from.Number("length"); }

void Start(DeviceBytes* out, uint16_t op, uint32_t serial, int32_t status) {
  struct gshm_frame header = {};
  header.length = sizeof header;
  header.op = static_cast<uint16_t>(op | GSHM_REPLY);
  header.serial = serial;
  header.status = status;
  memcpy(out->bytes, &header, sizeof header);
  out->length = sizeof header;
}

void Append(DeviceBytes* out, const void* data, size_t size) {
  memcpy(out->bytes + out->length, data, size);
  out->length += size;
  uint32_t length = static_cast<uint32_t>(out->length);
  memcpy(out->bytes, &length, sizeof length); /* gshm_frame.length comes first */
}

/* An op: its name in TypeScript, and what its bodies are. */
struct Op {
  const char* name;
  size_t size; /* bytes of a request's body */
  void (*put)(Filler& to, const uint8_t* body);
  void (*append)(DeviceBytes* out, Napi::Env env, Napi::Value body);
};

struct Nothing {};

/* The op with these structs of device.h as bodies. */
template <class Request, class Reply = Nothing>
constexpr Op Of(const char* name) {
  Op op = {name, 0, [](Filler&, const uint8_t*) {}, [](DeviceBytes*, Napi::Env, Napi::Value) {}};
  if constexpr (!std::is_same_v<Request, Nothing>) {
    op.size = sizeof(Request);
    op.put = [](Filler& to, const uint8_t* bytes) {
      Request body;
      memcpy(&body, bytes, sizeof body);
      Put(to, body);
    };
  }
  if constexpr (!std::is_same_v<Reply, Nothing>) {
    op.append = [](DeviceBytes* out, Napi::Env env, Napi::Value value) {
      Reader from(env, value);
      Reply body = {};
      Take(from, &body);
      Append(out, &body, sizeof body);
    };
  }
  return op;
}

constexpr Op kOps[GSHM_OP_COUNT] = {
    {},
    Of<struct gshm_hello_request, struct gshm_hello_reply>("hello"),
    Of<struct gshm_create_request, struct gshm_segment_info>("create"),
    Of<struct gshm_open_request, struct gshm_segment_info>("open"),
    Of<struct gshm_close_request>("close"),
    Of<struct gshm_name_request, struct gshm_segment_info>("stat"),
    Of<struct gshm_name_request>("unlink"),
    Of<struct gshm_map_request>("map"),
    Of<struct gshm_alloc_request, struct gshm_block_reply>("alloc"),
    Of<struct gshm_realloc_request, struct gshm_block_reply>("realloc"),
    Of<struct gshm_free_request>("free"),
    Of<struct gshm_lock_request, struct gshm_lock_reply>("lock"),
    Of<struct gshm_lock_request>("unlock"),
    Of<struct gshm_barrier_request, struct gshm_barrier_reply>("barrier"),
    Of<Nothing, struct gshm_fork_reply>("fork"),
    Of<struct gshm_inspect_request, struct gshm_inspect_reply>("inspect"),
    Of<struct gshm_range_request>("acquire"),
    Of<struct gshm_range_request>("release"),
    Of<struct gshm_heap_request, struct gshm_heap_reply>("heap"),
    Of<struct gshm_span_request, struct gshm_span_reply>("span"),
    Of<struct gshm_alloc_with_request, struct gshm_block_reply>("allocWith"),
    Of<struct gshm_lock_pages_request, struct gshm_lock_pages_reply>("lockPages"),
    Of<Nothing>("cancel"),
    Of<struct gshm_object_request, struct gshm_object_reply>("object"),
    Of<struct gshm_resize_request, struct gshm_size_reply>("resize"),
    Of<struct gshm_size_request, struct gshm_size_reply>("size"),
    Of<Nothing>("bye"),
    Of<struct gshm_unmap_request>("unmap"),
    Of<struct gshm_parted_request>("parted"),
};
static_assert(GSHM_OP_PARTED == 28 && GSHM_OP_COUNT == 29, "kOps lists the ops of device.h in order");

/* nullptr when the number is no op. */
const Op* OpNumbered(uint16_t op) { return op > 0 && op < GSHM_OP_COUNT ? &kOps[op] : nullptr; }

}  // namespace

bool DecodeHeader(const uint8_t* bytes, size_t length, struct gshm_frame* header, std::string* why) {
  if (length < sizeof *header) {
    *why = "shorter than a frame's header";
    return false;
  }
  memcpy(header, bytes, sizeof *header);
  const Op* op = OpNumbered(header->op);
  if (header->length != length) *why = "a length that is not the packet's";
  else if (op == nullptr) *why = "an unknown op " + std::to_string(header->op);
  else if (length != sizeof *header + op->size) *why = std::string("a wrong length for ") + op->name;
  else if (header->status != 0 || header->reserved != 0) *why = "a status in a request";
  return why->empty();
}

Napi::Object DecodeRequest(Napi::Env env, const struct gshm_frame& header, const uint8_t* bytes, std::string* why) {
  Filler to(env, why);
  to.Text("op", kOps[header.op].name);
  to.Number("serial", header.serial);
  kOps[header.op].put(to, bytes);
  return to.Done();
}

uint16_t OpOf(Napi::Env env, Napi::Value name) {
  if (name.IsString()) {
    std::string text = name.As<Napi::String>().Utf8Value();
    for (uint16_t op = 1; op < GSHM_OP_COUNT; op++)
      if (text == kOps[op].name) return op;
  }
  throw MakeError(env, GSHM_E_INVALID, "an op of native/abi/device.h is expected");
}

void EncodeReply(Napi::Env env, uint16_t op, uint32_t serial, Napi::Value body, DeviceBytes* out) {
  Start(out, op, serial, 0);
  kOps[op].append(out, env, body);
}

void EncodeBody(uint16_t op, uint32_t serial, const void* body, size_t size, DeviceBytes* out) {
  Start(out, op, serial, 0);
  Append(out, body, size);
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
