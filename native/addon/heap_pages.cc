/* heap_pages.cc: core/heap_pages.h for TypeScript. Chunks and classes are checked here, for core trusts them. */
#include <napi.h>

#include <string>

#include "addon.h"
#include "arguments.h"
#include "core/heap_pages.h"

namespace {

class HeapPages : public Napi::ObjectWrap<HeapPages> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "HeapPages",
                       {
                           InstanceMethod<&HeapPages::Give>("give"),
                           InstanceMethod<&HeapPages::Pass>("pass"),
                           InstanceMethod<&HeapPages::Seize>("seize"),
                           InstanceMethod<&HeapPages::Count>("count"),
                           InstanceMethod<&HeapPages::Free>("free"),
                           InstanceMethod<&HeapPages::Look>("look"),
                           InstanceMethod<&HeapPages::Close>("close"),
                           InstanceAccessor<&HeapPages::Fd>("fd"),
                       });
  }

  explicit HeapPages(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    Napi::Env env = info.Env();
    if (!info[0].IsString()) throw MakeError(env, GSHM_E_INVALID, "HeapPages: name must be a string");
    uint64_t chunks = UintOf(env, info[1], "chunks"), bytes = UintOf(env, info[2], "spanBytes");
    if (bytes > GSHM_SPAN_BYTES_MAX) bytes = 0;
    std::string name = info[0].As<Napi::String>().Utf8Value();
    int result = gshm_heap_pages_open(&pages_, name.c_str(), chunks, static_cast<uint32_t>(bytes));
    if (result == -EINVAL)
      throw MakeError(env, GSHM_E_INVALID, "HeapPages: 1 to 2^32 - 1 chunks, of a power of two from 4096 to 65536 bytes");
    if (result != 0) throw SystemError(env, "the heap's control pages", -result);
  }
  ~HeapPages() { gshm_heap_pages_close(&pages_); }

 private:
  using Info = const Napi::CallbackInfo&;

  /* The first arguments of every method. */
  struct Span {
    uint64_t chunk;
    uint32_t class_number;
  };
  Span SpanOf(Info info) {
    Span span = {UintOf(info.Env(), info[0], "chunk"), SmallOf(info, 1, "class")};
    if (span.chunk >= pages_.chunks || span.class_number >= GSHM_SPAN_CLASSES)
      throw MakeError(info.Env(), GSHM_E_INVALID, "HeapPages: no such chunk or class");
    return span;
  }
  static uint32_t SmallOf(Info info, size_t at, const char* what) {
    uint64_t number = UintOf(info.Env(), info[at], what);
    if (number > UINT32_MAX) throw MakeError(info.Env(), GSHM_E_INVALID, std::string(what) + " must be below 2^32");
    return static_cast<uint32_t>(number);
  }

  void Give(Info info) {
    Span span = SpanOf(info);
    uint32_t generation = SmallOf(info, 2, "generation"), owner = SmallOf(info, 3, "owner");
    int result = gshm_heap_pages_give(&pages_, span.chunk, span.class_number, generation, owner);
    if (result != 0) throw SystemError(info.Env(), "fallocate", -result);
  }
  void Pass(Info info) {
    Span span = SpanOf(info);
    uint32_t generation = SmallOf(info, 2, "generation"), owner = SmallOf(info, 3, "owner");
    gshm_heap_pages_pass(&pages_, span.chunk, span.class_number, generation, owner);
  }
  Napi::Value Seize(Info info) {
    Span span = SpanOf(info);
    uint32_t generation = SmallOf(info, 2, "generation");
    return Napi::Boolean::New(info.Env(),
                              gshm_heap_pages_seize(&pages_, span.chunk, span.class_number, generation));
  }
  Napi::Value Count(Info info) {
    Span span = SpanOf(info);
    return Napi::Number::New(info.Env(), gshm_heap_pages_count(&pages_, span.chunk, span.class_number));
  }
  Napi::Value Free(Info info) {
    Span span = SpanOf(info);
    uint32_t offset = SmallOf(info, 2, "offset");
    bool freed = offset < pages_.span_bytes && gshm_heap_pages_free(&pages_, span.chunk, span.class_number, offset);
    return Napi::Boolean::New(info.Env(), freed);
  }
  Napi::Value Look(Info info) {
    Span span = SpanOf(info);
    uint32_t offset = SmallOf(info, 2, "offset");
    bool found = offset < pages_.span_bytes && gshm_heap_pages_look(&pages_, span.chunk, span.class_number, offset);
    return Napi::Boolean::New(info.Env(), found);
  }
  Napi::Value Fd(Info info) { return Napi::Number::New(info.Env(), pages_.fd); }
  void Close(Info) { gshm_heap_pages_close(&pages_); }

  struct gshm_heap_pages pages_ = {-1, nullptr, 0, 0, 0};
};

}  // namespace

Napi::Object InitHeapPages(Napi::Env env, Napi::Object exports) {
  exports.Set("HeapPages", HeapPages::Define(env));
  Napi::Array sizes = Napi::Array::New(env);
  for (uint32_t at = 0; at < GSHM_SPAN_CLASSES; at++) sizes.Set(at, Napi::Number::New(env, gshm_span_size_of(at)));
  exports.Set("spanBlockBytes", sizes);
  return exports;
}
