/* gshm_containers.hpp: standard containers in segments. Included by gshm.hpp.
 *
 * A container with gshm::allocator lies in a segment itself (construct) or on a stack, and what it holds is in that segment's
 * heap. Where the view lies does not matter: every process finds the container whole, wherever it maps the segment.
 * Containers are no locks: hold one (gshm_sync.hpp) from the first look to the last, and in lrc segments that
 * brings the bytes too. What the elements point to must be in the segment as well: no std::string, no vtables.
 *
 * With libstdc++ vector, deque, basic_string and scoped_allocator_adaptor do. Its map, set, list, forward_list and unordered
 * containers keep plain pointers in their nodes, whatever the allocator wants (until GCC 15; the unordered ones still
 * do): they do not compile with this allocator. A sorted vector takes their place. */
#ifndef GSHM_CONTAINERS_HPP
#define GSHM_CONTAINERS_HPP

#include <limits>
#include <new>
#include <type_traits>
#include <vector>
#ifdef __GLIBCXX__
#include <forward_list>
#include <list>
#include <map>
#include <unordered_map>
#endif

#include "gshm.hpp"
#include "gshm_pointer.hpp"

namespace gshm {

/* No block could be had: HEAP_FULL, LIMIT, a node or daemon that is lost: what() says which. */
class bad_alloc : public std::bad_alloc {
 public:
  bad_alloc() : text_(gshm_strerror(errno)) {}
  const char *what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_; /* copies without throwing */
};

namespace detail {

template <class Node>
inline constexpr bool keeps_plain_pointers = false;
#ifdef __GLIBCXX__
template <class V>
inline constexpr bool keeps_plain_pointers<std::_Rb_tree_node<V>> = true;
template <class V>
inline constexpr bool keeps_plain_pointers<std::_List_node<V>> = true;
template <class V>
inline constexpr bool keeps_plain_pointers<std::_Fwd_list_node<V>> = true;
template <class V, bool cached>
inline constexpr bool keeps_plain_pointers<std::__detail::_Hash_node<V, cached>> = true;
#endif

inline gshm_segment *heap_of(const void *base) {
  heap_view *found = find_heap_view(base);
  if (!found) throw error(EFAULT, "ERR_GSHM_NOT_MAPPED: no view of a whole segment (map() without offset and length) is there");
  return found->segment;
}

}  // namespace detail

/* Allocates from the heap of a view's segment, and gives pointers into that view. It may lie in the segment, as containers
 * keep theirs. Two are equal when they are of the same view. */
template <class T>
class allocator {
 public:
  using value_type = T;
  using pointer = offset_ptr<T>;
  using const_pointer = offset_ptr<const T>;
  using void_pointer = offset_ptr<void>;
  using const_void_pointer = offset_ptr<const void>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using is_always_equal = std::false_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  template <class U>
  struct rebind {
    using other = allocator<U>;
  };

  /* Errors: NOT_MAPPED (not a view of a whole segment). */
  allocator(const view &from) : base_(from.data()) { detail::heap_of(from.data()); }
  template <class U>
  allocator(const allocator<U> &other) noexcept : base_(other.base()) {}

  /* Throws gshm::bad_alloc; std::bad_array_new_length for more than there are bytes. error NOT_MAPPED: the view is gone. */
  pointer allocate(std::size_t count) {
    static_assert(!detail::keeps_plain_pointers<T>,
                  "this container keeps plain pointers in its nodes, which are wrong in other processes: use another");
    if (count > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) throw std::bad_array_new_length();
    const std::uint64_t bytes = count == 0 ? 1 : count * sizeof(T);
    gshm_alloc_options options = {};
    options.align = alignof(T);
    gshm_segment *s = detail::heap_of(base());
    const gshm_addr block = gshm_alloc_with(s, bytes, &options);
    if (block == 0) throw bad_alloc();
    return pointer(reinterpret_cast<T *>(base() + (block - start(s))));
  }

  /* Errors: NOT_ALLOCATED (not a block, or freed already), NOT_MAPPED. What is lost with its node needs none. */
  void deallocate(pointer block, std::size_t) {
    const auto distance = reinterpret_cast<std::uintptr_t>(block.get()) - reinterpret_cast<std::uintptr_t>(base());
    gshm_segment *s = detail::heap_of(base());
    if (gshm_free(s, distance < offset_end ? start(s) + distance : 0) == 0) return;
    if (errno == EBADSLT) throw error();
  }

  char *base() const noexcept { return static_cast<char *>(base_.get()); }

 private:
  static constexpr std::uint64_t offset_end = 1ull << 44; /* of global addresses, above which is the segment */
  static gshm_addr start(gshm_segment *s) { return gshm_at(s, 0); }

  offset_ptr<void> base_; /* of the view */
};

template <class T, class U>
bool operator==(const allocator<T> &a, const allocator<U> &b) noexcept { return a.base() == b.base(); }
template <class T, class U>
bool operator!=(const allocator<T> &a, const allocator<U> &b) noexcept { return a.base() != b.base(); }

/* A T in the heap of the view's segment, and its end. Others find it by process::address and process::pointer.
 * Errors: as allocate and deallocate, and what T's constructor throws. */
template <class T, class... Arguments>
T *construct(const view &in, Arguments &&...arguments) {
  allocator<T> heap(in);
  offset_ptr<T> place = heap.allocate(1);
  try {
    return new (static_cast<void *>(place.get())) T(std::forward<Arguments>(arguments)...);
  } catch (...) {
    heap.deallocate(place, 1);
    throw;
  }
}
template <class T>
void destroy(const view &in, T *object) {
  allocator<T> heap(in);
  object->~T();
  heap.deallocate(offset_ptr<T>(object), 1);
}

}  // namespace gshm

#endif
