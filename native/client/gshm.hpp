/* gshm.hpp: the C++17 API of globalshm, over gshm.h (which says what the calls do, and lists their errors).
 *
 * Link as with gshm.h: c++ -std=c++17 hello.cc -o hello $(gshm flags). Nothing of it is in libgshm.
 * Here: errors, the registration, segments and views; gshm_containers.hpp, gshm_sync.hpp and gshm_objects.hpp come along.
 *
 * What fails throws gshm::error. Destructors tell no error: call detach or unmap to hear of one. Objects keep what they
 * need: a view its segment, and all of them the registration. Do not call gshm_detach, gshm_close or gshm_unmap for what
 * these objects have. */
#ifndef GSHM_HPP
#define GSHM_HPP
#ifdef GSHM_H
#error "include gshm.hpp before gshm.h, or instead of it: it includes gshm.h"
#endif

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

/* One name cannot be a type and a namespace: the type `gshm` of gshm.h is gshm_process where this file is included. */
#define gshm gshm_process
#include "gshm.h"
#undef gshm

namespace gshm {

/* What a call said. code() is errno, which several errors share; name() the error's own, as in "TIMEOUT". */
class error : public std::system_error {
 public:
  /* The calling thread's last failure in gshm.h. */
  error() : error(errno) {}
  explicit error(int number) : error(number, gshm_strerror(number)) {}
  /* @param text "ERR_GSHM_NAME: text" */
  error(int number, const std::string &text) : std::system_error(number, std::generic_category()), text_(text) {}

  const char *what() const noexcept override { return text_.what(); }
  /* Empty: the error is none of globalshm's. */
  std::string name() const {
    const std::string text = text_.what(), prefix = "ERR_GSHM_";
    if (text.compare(0, prefix.size(), prefix) != 0) return {};
    return text.substr(prefix.size(), text.find(':') - prefix.size());
  }

 private:
  std::runtime_error text_; /* copies without throwing */
};

namespace detail {

inline void check(int result) {
  if (result != 0) throw error();
}
template <class T>
T *check(T *result) {
  if (!result) throw error();
  return result;
}
inline gshm_addr check_address(gshm_addr address) {
  if (address == 0) throw error();
  return address;
}

/* This process's registration, for as long as an object needs it. */
struct registration {
  explicit registration(const char *socket) : g(check(gshm_attach(socket))) {}
  registration(const registration &) = delete;
  registration &operator=(const registration &) = delete;
  ~registration() {
    if (attached) gshm_detach(g);
  }
  gshm_process *handle() const {
    if (!attached) throw error(ENOTCONN, "ERR_GSHM_DETACHED: the process has detached");
    return g;
  }

  gshm_process *const g;
  std::atomic<bool> attached{true};
};
using registered = std::shared_ptr<registration>;

/* There is one: a library's and its program's are the same. */
inline registered attach(const char *socket) {
  static std::mutex one_at_a_time;
  static std::weak_ptr<registration> current;
  std::lock_guard<std::mutex> guard(one_at_a_time);
  registered found = current.lock();
  if (!found || !found->attached) current = found = std::make_shared<registration>(socket);
  return found;
}

/* Which segment's heap a view shows, by the view's address; for allocators. Entries are used again and never leave
 * the list, so it is read without a lock, in a forked child too. */
struct heap_view {
  std::atomic<std::uintptr_t> base;
  gshm_segment *segment;
  heap_view *next;
};
inline std::atomic<heap_view *> heap_views{nullptr};
constexpr std::uintptr_t unused = 0, in_the_making = 1;

inline void add_heap_view(const void *base, gshm_segment *segment) {
  heap_view *entry = heap_views.load();
  for (; entry; entry = entry->next) {
    std::uintptr_t expected = unused;
    if (entry->base.compare_exchange_strong(expected, in_the_making)) break;
  }
  if (!entry) {
    entry = new heap_view{{in_the_making}, nullptr, heap_views.load()};
    while (!heap_views.compare_exchange_weak(entry->next, entry)) {}
  }
  entry->segment = segment;
  entry->base.store(reinterpret_cast<std::uintptr_t>(base), std::memory_order_release);
}

/* NULL: no view of a whole segment begins there. */
inline heap_view *find_heap_view(const void *base) noexcept {
  const auto wanted = reinterpret_cast<std::uintptr_t>(base);
  if (wanted == unused) return nullptr;
  heap_view *entry = heap_views.load(std::memory_order_acquire);
  while (entry && entry->base.load(std::memory_order_acquire) != wanted) entry = entry->next;
  return entry;
}

inline void remove_heap_view(const void *base) noexcept {
  if (heap_view *entry = find_heap_view(base)) entry->base.store(unused, std::memory_order_release);
}

}  // namespace detail

class segment;
class view;

/* This process, attached to the daemon of its node. Copies, and others made later, are the same; the last of them to go,
 * with all that was made of it, detaches. */
class process {
 public:
  /* Errors: as gshm_attach. */
  process() : registered_(detail::attach(nullptr)) {}
  explicit process(const std::string &socket) : registered_(detail::attach(socket.c_str())) {}

  /* Detaches now, whatever else is left: it fails with DETACHED from then on. Errors: as gshm_detach. */
  void detach() {
    gshm_process *g = get();
    if (registered_->attached.exchange(false)) detail::check(gshm_detach(g));
  }

  bool attached() const noexcept { return registered_->attached; }

  std::uint32_t node() const { return gshm_node(get()); }
  std::uint32_t nodes() const { return gshm_nodes(get()); }

  /* @param size bytes. Errors: as gshm_create_with; open: as gshm_open. */
  inline segment create(const std::string &name, std::uint64_t size, const gshm_options &options = {}) const;
  inline segment open_or_create(const std::string &name, std::uint64_t size, const gshm_options &options = {}) const;
  inline segment open(const std::string &name) const;
  /* Errors: as gshm_stat, gshm_unlink. */
  gshm_stat_t stat(const std::string &name) const {
    gshm_stat_t found;
    detail::check(gshm_stat(get(), name.c_str(), &found));
    return found;
  }
  void unlink(const std::string &name) const { detail::check(gshm_unlink(get(), name.c_str())); }

  /* Global address <-> pointer, by the views of this process. Nothing says that a T is there. Errors: NOT_MAPPED. */
  template <class T = void>
  T *pointer(gshm_addr address) const {
    return static_cast<T *>(detail::check(gshm_pointer(get(), address)));
  }
  gshm_addr address(const void *pointer) const { return detail::check_address(gshm_address(get(), pointer)); }

  /* For calls of gshm.h that have no form here. Errors: DETACHED. */
  gshm_process *get() const { return registered_->handle(); }

 private:
  friend class segment;
  friend class mutex;
  detail::registered registered_;
};

/* An open segment. Copies share the handle; the last of them, and of its views, closes it. */
class segment {
 public:
  /* Bytes that it has now, and may have; and its number, the same on every node. */
  std::uint64_t size() const { return gshm_size(get()); }
  std::uint64_t max_size() const { return gshm_max_size(get()); }
  std::uint32_t id() const { return gshm_id(get()); }
  /* @param size bytes. Views stay, and show what there is. Errors: as gshm_resize. */
  void resize(std::uint64_t size) const { detail::check(gshm_resize(get(), size)); }
  /* The global address of a byte. Errors: BEYOND_END. */
  gshm_addr at(std::uint64_t offset) const { return detail::check_address(gshm_at(get(), offset)); }

  /* A view of the whole segment (offset and length 0) can be allocated from. Errors: as gshm_map. */
  inline view map(void *address = nullptr, std::uint64_t offset = 0, std::uint64_t length = 0) const;

  /* For lrc, by themselves; of bytes [offset, offset + length), 0: to the end. Errors: as gshm_acquire. */
  void acquire(std::uint64_t offset = 0, std::uint64_t length = 0) const {
    detail::check(gshm_acquire(get(), offset, length));
  }
  void release(std::uint64_t offset = 0, std::uint64_t length = 0) const {
    detail::check(gshm_release(get(), offset, length));
  }

  /* Blocks of its heap, by global addresses; gshm::allocator and construct give pointers. Errors: as gshm_alloc_with. */
  gshm_addr alloc(std::uint64_t size, const gshm_alloc_options &options = {}) const {
    return detail::check_address(gshm_alloc_with(get(), size, &options));
  }
  gshm_addr realloc(gshm_addr block, std::uint64_t size) const {
    return detail::check_address(gshm_realloc(get(), block, size));
  }
  void free(gshm_addr block) const { detail::check(gshm_free(get(), block)); }

  /* For calls of gshm.h that have no form here. Errors: DETACHED. */
  gshm_segment *get() const {
    of_->handle();
    return handle_.get();
  }

 private:
  friend class process;
  friend class view;
  segment(const process &of, gshm_segment *opened)
      : of_(of.registered_), handle_(detail::check(opened), [of = of.registered_](gshm_segment *s) {
          if (of->attached) gshm_close(s); /* detaching closes all */
        }) {}

  detail::registered of_;
  std::shared_ptr<gshm_segment> handle_;
};

/* A mapping of a segment, which ends with it. It moves, and is not copied. */
class view {
 public:
  view(view &&other) noexcept
      : of_(other.of_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  view &operator=(view &&other) noexcept {
    view taken(std::move(other));
    std::swap(of_, taken.of_);
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    return *this;
  }
  ~view() {
    if (void *at = forget(); at && of_.of_->attached) gshm_unmap(of_.of_->g, at);
  }
  /* Unmaps now: what is in it must not be used any more. Errors: NOT_MAPPED (again), DETACHED. */
  void unmap() {
    gshm_process *g = of_.of_->handle();
    detail::check(gshm_unmap(g, forget()));
  }

  /* Where it is; NULL: not any more. Its bytes, which may be more than the segment has now. */
  void *data() const noexcept { return data_; }
  std::uint64_t size() const noexcept { return size_; }

  /* The T at a byte of the view; nothing says that there is one. Errors: BEYOND_END, INVALID (misaligned). */
  template <class T>
  T *at(std::uint64_t offset) const {
    if (offset > size_ || sizeof(T) > size_ - offset)
      throw error(ERANGE, "ERR_GSHM_BEYOND_END: offset " + std::to_string(offset) + " plus " +
                              std::to_string(sizeof(T)) + " is beyond the view's " + std::to_string(size_) + " bytes");
    if (offset % alignof(T) != 0)
      throw error(EINVAL, "ERR_GSHM_INVALID: offset " + std::to_string(offset) + " is no multiple of " +
                              std::to_string(alignof(T)) + ", which the type wants");
    return reinterpret_cast<T *>(static_cast<char *>(data_) + offset);
  }

 private:
  friend class segment;
  view(const segment &of, void *address, std::uint64_t offset, std::uint64_t length) : of_(of) {
    gshm_segment *s = of_.get();
    const std::uint64_t to_the_end = gshm_max_size(s);
    data_ = detail::check(gshm_map(s, address, offset, length));
    size_ = length != 0 ? length : to_the_end - offset;
    if (offset != 0 || length != 0) return;
    try {
      detail::add_heap_view(data_, s);
    } catch (...) {
      gshm_unmap(of_.of_->g, data_);
      throw;
    }
  }
  void *forget() noexcept {
    detail::remove_heap_view(data_);
    size_ = 0;
    return std::exchange(data_, nullptr);
  }

  segment of_;
  void *data_ = nullptr;
  std::uint64_t size_ = 0;
};

segment process::create(const std::string &name, std::uint64_t size, const gshm_options &options) const {
  return segment(*this, gshm_create_with(get(), name.c_str(), size, 0, &options));
}
segment process::open_or_create(const std::string &name, std::uint64_t size, const gshm_options &options) const {
  return segment(*this, gshm_create_with(get(), name.c_str(), size, GSHM_OPEN_OR_CREATE, &options));
}
segment process::open(const std::string &name) const { return segment(*this, gshm_open(get(), name.c_str(), 0)); }
view segment::map(void *address, std::uint64_t offset, std::uint64_t length) const {
  return view(*this, address, offset, length);
}

}  // namespace gshm

#include "gshm_containers.hpp"
#include "gshm_objects.hpp"
#include "gshm_sync.hpp"

#endif
