/* tables.cc: the ABI's numbers for JavaScript: error table, sizes of the structs, offsets. */
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "abi/device.h"
#include "abi/keeper.h"
#include "abi/lock_words.h"
#include "addon.h"
#include "client/gshm.h"
#include "core/uffd.h"
#include "fault_poll.h"

namespace {

Napi::Array Errors(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  auto add = [&](const char* name, int number, const char* text) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", name);
    entry.Set("errno", number);
    entry.Set("text", text);
    list.Set(list.Length(), entry);
  };
  add("OK", 0, "success");
#define X(name, number, text) add(#name, number, text);
  GSHM_ERRORS(X)
#undef X
  return list;
}

Napi::Object Sizes(Napi::Env env) {
  Napi::Object sizes = Napi::Object::New(env);
  auto set = [&](const char* name, size_t value) { sizes.Set(name, Napi::Number::New(env, static_cast<double>(value))); };
#define SIZE(type) set(#type, sizeof(struct type))
#define OFFSET(type, field) set(#type "." #field, offsetof(struct type, field))
  SIZE(gshm_frame);
  OFFSET(gshm_frame, op);
  OFFSET(gshm_frame, serial);
  OFFSET(gshm_frame, status);
  SIZE(gshm_hello_request);
  OFFSET(gshm_hello_request, token);
  SIZE(gshm_hello_reply);
  OFFSET(gshm_hello_reply, cluster);
  SIZE(gshm_create_request);
  OFFSET(gshm_create_request, consistency);
  OFFSET(gshm_create_request, name);
  OFFSET(gshm_create_request, max_size);
  SIZE(gshm_open_request);
  SIZE(gshm_name_request);
  SIZE(gshm_segment_info);
  OFFSET(gshm_segment_info, size);
  OFFSET(gshm_segment_info, consistency);
  OFFSET(gshm_segment_info, name);
  OFFSET(gshm_segment_info, max_size);
  SIZE(gshm_close_request);
  SIZE(gshm_map_request);
  SIZE(gshm_alloc_request);
  SIZE(gshm_realloc_request);
  SIZE(gshm_free_request);
  SIZE(gshm_block_reply);
  SIZE(gshm_key_frame);
  SIZE(gshm_lock_request);
  OFFSET(gshm_lock_request, holder);
  OFFSET(gshm_lock_request, flags);
  SIZE(gshm_lock_reply);
  SIZE(gshm_object_request);
  OFFSET(gshm_object_request, holder);
  OFFSET(gshm_object_request, flags);
  SIZE(gshm_object_reply);
  SIZE(gshm_lock_pages_request);
  SIZE(gshm_lock_pages_reply);
  SIZE(gshm_barrier_request);
  OFFSET(gshm_barrier_request, count);
  OFFSET(gshm_barrier_request, flags);
  OFFSET(gshm_barrier_request, parted);
  SIZE(gshm_barrier_reply);
  SIZE(gshm_parted_request);
  SIZE(gshm_range_request);
  SIZE(gshm_resize_request);
  OFFSET(gshm_resize_request, size);
  SIZE(gshm_size_request);
  SIZE(gshm_size_reply);
  SIZE(gshm_fork_reply);
  SIZE(gshm_heap_request);
  SIZE(gshm_heap_reply);
  SIZE(gshm_span_request);
  SIZE(gshm_span_reply);
  SIZE(gshm_alloc_with_request);
  SIZE(gshm_inspect_request);
  SIZE(gshm_inspect_reply);
  SIZE(gshm_keeper_message);
#undef SIZE
#undef OFFSET
  return sizes;
}

Napi::Object Constants(Napi::Env env) {
  Napi::Object constants = Napi::Object::New(env);
  auto set = [&](const char* name, uint64_t value) {
    constants.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
#define CONSTANT(name) set(#name, GSHM_##name)
  CONSTANT(LOCK_SLOTS);
  CONSTANT(LOCK_PROCESSES);
  CONSTANT(LOCK_MEMORY);
  CONSTANT(LOCK_BELL);
  CONSTANT(LOCK_DIED);
  CONSTANT(LOCK_TRY);
  CONSTANT(OBJECT_TRY);
  CONSTANT(BARRIER_TRY);
  CONSTANT(BARRIER_DIRECT);
  CONSTANT(BARRIER_SHAPE_CENTRAL);
  CONSTANT(BARRIER_SHAPE_TREE);
  CONSTANT(NO_SLOT);
  CONSTANT(WORD_GENERATIONS);
  CONSTANT(WORD_HOLDER_BITS);
  CONSTANT(WORD_ASYNC);
  CONSTANT(HOLD_BUCKETS);
  CONSTANT(PAGE_SIZE);
  CONSTANT(OFFSET_BITS);
  CONSTANT(ADDRESS_END);
  CONSTANT(HELLO_REGISTER);
  CONSTANT(HELLO_CHANNEL);
  CONSTANT(HELLO_FORKED);
  CONSTANT(HELLO_VISITOR);
  CONSTANT(HELLO_USERFAULTFD);
  CONSTANT(HELLO_TRAPPED);
  CONSTANT(HELLO_ESTATE);
  CONSTANT(CREATE_OR_OPEN);
  CONSTANT(ALLOC_APART);
  CONSTANT(INSPECT_STATUS);
  CONSTANT(INSPECT_SEGMENTS);
  CONSTANT(INSPECT_PAGES);
  CONSTANT(INSPECT_PROCESSES);
  CONSTANT(INSPECT_LOCKS);
  CONSTANT(INSPECT_TRACE);
  CONSTANT(OPEN_OR_CREATE);
  CONSTANT(READ_ONLY);
#undef CONSTANT
  return constants;
}

/* What ts/native/index.ts repeats because its types need the numbers; a test compares. */
Napi::Object Repeated(Napi::Env env) {
  Napi::Object all = Napi::Object::New(env);
  auto table = [&](const char* name, std::initializer_list<std::pair<const char*, int>> entries) {
    Napi::Object of = Napi::Object::New(env);
    for (auto [key, value] : entries) of.Set(key, value);
    all.Set(name, of);
  };
  table("Change", {{"ok", GSHM_CHANGE_OK},
                   {"already", GSHM_CHANGE_ALREADY},
                   {"again", GSHM_CHANGE_AGAIN},
                   {"gone", GSHM_CHANGE_GONE},
                   {"hole", GSHM_CHANGE_HOLE}});
  table("FaultKind", {{"read", kRead},
                      {"write", kWrite},
                      {"fork", kFork},
                      {"remap", kRemap},
                      {"remove", kRemove},
                      {"unmap", kUnmap}});
  all.Set("RECORD_WIDTH", kRecordWidth);
  return all;
}

/* The words of ts/base/objects.ts, in the order of their numbers from 1; a test compares. */
Napi::Object Objects(Napi::Env env) {
  Napi::Object all = Napi::Object::New(env);
  auto list = [&](const char* name, std::initializer_list<const char*> words) {
    Napi::Array of = Napi::Array::New(env);
    uint32_t at = 0;
    for (const char* word : words) of.Set(at++, word);
    all.Set(name, of);
  };
#define X(word, name) name,
  list("kinds", {GSHM_OBJECT_KINDS(X)});
  list("deeds", {GSHM_OBJECT_DEEDS(X)});
#undef X
  return all;
}

}  // namespace

Napi::Object InitTables(Napi::Env env, Napi::Object exports) {
  exports.Set("abiVersion", Napi::Number::New(env, GSHM_ABI_VERSION));
  exports.Set("abiSizes", Sizes(env));
  exports.Set("errors", Errors(env));
  exports.Set("constants", Constants(env));
  exports.Set("objects", Objects(env));
  exports.Set("repeated", Repeated(env));
  return exports;
}
