/* gshm_pointer.hpp: gshm::offset_ptr<T>, a pointer that may lie in a segment. gshm.hpp includes it.
 *
 * It keeps its distance to what it points to, so it is right in every view that shows both, wherever the view lies.
 * Copies are made by the constructors: its bytes say nothing elsewhere (it is not trivially copyable).
 * It demands that both lie in one view, or that the pointer lies in memory of the process (a stack), which others do not
 * read. Like any pointer it is not checked: do not follow one in a segment that those write whom you do not trust. */
#ifndef GSHM_POINTER_HPP
#define GSHM_POINTER_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>

namespace gshm {

/* A "fancy pointer" as allocators may have them: null, random access, comparisons, conversions as those of T *.
 * std::pointer_traits finds pointer_to and rebinds it. T may be void and const. */
template <class T>
class offset_ptr {
  template <class U>
  using if_converts = std::enable_if_t<std::is_convertible_v<U *, T *>, int>;
  template <class U>
  using if_casts = std::enable_if_t<!std::is_convertible_v<U *, T *> && std::is_void_v<U>, int>;

 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using difference_type = std::ptrdiff_t;
  using pointer = offset_ptr;
  using reference = std::add_lvalue_reference_t<T>;
  using iterator_category = std::random_access_iterator_tag;
  template <class U>
  using rebind = offset_ptr<U>;

  offset_ptr() noexcept : distance_(null) {}
  offset_ptr(std::nullptr_t) noexcept : distance_(null) {}
  offset_ptr(T *to) noexcept : distance_(to_distance(to)) {}
  offset_ptr(const offset_ptr &other) noexcept : distance_(to_distance(other.get())) {}
  template <class U, if_converts<U> = 0>
  offset_ptr(const offset_ptr<U> &other) noexcept : distance_(to_distance(other.get())) {}
  /* From void, when asked for: static_cast<offset_ptr<int>>(p). */
  template <class U, if_casts<U> = 0>
  explicit offset_ptr(const offset_ptr<U> &other) noexcept : distance_(to_distance(static_cast<T *>(other.get()))) {}
  offset_ptr &operator=(const offset_ptr &other) noexcept { return set(other.get()); }
  offset_ptr &operator=(std::nullptr_t) noexcept { return set(nullptr); }
  ~offset_ptr() = default;

  template <class U = T, std::enable_if_t<!std::is_void_v<U>, int> = 0>
  static offset_ptr pointer_to(U &object) noexcept {
    return offset_ptr(std::addressof(object));
  }

  T *get() const noexcept {
    return distance_ == null ? nullptr : reinterpret_cast<T *>(here() + static_cast<std::uintptr_t>(distance_));
  }
  T *operator->() const noexcept { return get(); }
  reference operator*() const noexcept { return *get(); }
  reference operator[](difference_type at) const noexcept { return get()[at]; }
  /* std::basic_string of libstdc++ takes its pointers for plain ones in places (data, compare, moves). */
  operator T *() const noexcept { return get(); }
  explicit operator bool() const noexcept { return distance_ != null; }

  offset_ptr &operator+=(difference_type by) noexcept { return set(get() + by); }
  offset_ptr &operator-=(difference_type by) noexcept { return set(get() - by); }
  offset_ptr &operator++() noexcept { return *this += 1; }
  offset_ptr &operator--() noexcept { return *this -= 1; }
  offset_ptr operator++(int) noexcept {
    offset_ptr before(*this);
    ++*this;
    return before;
  }
  offset_ptr operator--(int) noexcept {
    offset_ptr before(*this);
    --*this;
    return before;
  }

 private:
  /* Of a pointer to its own second byte, which is no object's place. 0 is itself: nodes of rings point so. */
  static constexpr std::intptr_t null = 1;

  /* In integers: a difference of pointers into different objects is nothing to a compiler. */
  std::uintptr_t here() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }
  std::intptr_t to_distance(const volatile void *to) const noexcept {
    return to ? static_cast<std::intptr_t>(reinterpret_cast<std::uintptr_t>(to) - here()) : null;
  }
  offset_ptr &set(T *to) noexcept {
    distance_ = to_distance(to);
    return *this;
  }

  std::intptr_t distance_;
};

template <class T>
offset_ptr<T> operator+(const offset_ptr<T> &p, std::ptrdiff_t by) noexcept { return offset_ptr<T>(p.get() + by); }
template <class T>
offset_ptr<T> operator+(std::ptrdiff_t by, const offset_ptr<T> &p) noexcept { return offset_ptr<T>(p.get() + by); }
template <class T>
offset_ptr<T> operator-(const offset_ptr<T> &p, std::ptrdiff_t by) noexcept { return offset_ptr<T>(p.get() - by); }
template <class T, class U>
std::ptrdiff_t operator-(const offset_ptr<T> &a, const offset_ptr<U> &b) noexcept { return a.get() - b.get(); }

/* Between offset pointers, with a plain pointer on either side, and with nullptr. */
#define GSHM_COMPARES(op)                                                                                        \
  template <class T, class U>                                                                                    \
  bool operator op(const offset_ptr<T> &a, const offset_ptr<U> &b) noexcept { return a.get() op b.get(); }       \
  template <class T, class U>                                                                                    \
  bool operator op(const offset_ptr<T> &a, U *b) noexcept { return a.get() op b; }                               \
  template <class T, class U>                                                                                    \
  bool operator op(T *a, const offset_ptr<U> &b) noexcept { return a op b.get(); }
GSHM_COMPARES(==)
GSHM_COMPARES(!=)
GSHM_COMPARES(<)
GSHM_COMPARES(<=)
GSHM_COMPARES(>)
GSHM_COMPARES(>=)
#undef GSHM_COMPARES
template <class T>
bool operator==(const offset_ptr<T> &p, std::nullptr_t) noexcept { return !p; }
template <class T>
bool operator==(std::nullptr_t, const offset_ptr<T> &p) noexcept { return !p; }
template <class T>
bool operator!=(const offset_ptr<T> &p, std::nullptr_t) noexcept { return static_cast<bool>(p); }
template <class T>
bool operator!=(std::nullptr_t, const offset_ptr<T> &p) noexcept { return static_cast<bool>(p); }

}  // namespace gshm

#endif
