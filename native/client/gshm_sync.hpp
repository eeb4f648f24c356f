/* gshm_sync.hpp: locks and barriers of the cluster, for std::lock_guard, std::unique_lock, std::scoped_lock. Included by
 * gshm.hpp.
 *
 * A holder that dies: lock() takes the lock all the same, and owner_died() says so until it is unlocked. It is no exception,
 * because the guards would leave the lock held by nobody. Who guards data with a lock asks it first:
 *   std::lock_guard guard(m);
 *   if (m.owner_died()) repair();
 */
#ifndef GSHM_SYNC_HPP
#define GSHM_SYNC_HPP

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "gshm.hpp"

namespace gshm {

/* What a lock is called, on every node the same: a name, a number, or key::at(global address). */
class key {
 public:
  key(std::string name) : kind_(GSHM_BY_NAME), name_(std::move(name)) {}
  key(const char *name) : key(std::string(name)) {}
  template <class Number, std::enable_if_t<std::is_integral_v<Number>, int> = 0>
  key(Number number) noexcept : kind_(GSHM_BY_NUMBER), number_(static_cast<std::uint64_t>(number)) {}
  static key at(gshm_addr address) noexcept {
    key located(address);
    located.kind_ = GSHM_BY_ADDRESS;
    return located;
  }
  /* Valid for as long as this object. */
  gshm_key get() const noexcept { return {kind_, number_, name_.c_str()}; }

 private:
  std::uint32_t kind_;
  std::uint64_t number_ = 0;
  std::string name_;
};

namespace detail {

/* Rounded up, and less than for ever. */
template <class Rep, class Period>
std::int64_t nanoseconds(const std::chrono::duration<Rep, Period> &time) {
  using namespace std::chrono;
  if (time <= time.zero()) return 0;
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (duration<double, std::nano>(time).count() >= static_cast<double>(most)) return most;
  const auto whole = duration_cast<std::chrono::nanoseconds>(time);
  return whole.count() + (whole < time);
}

struct grant {
  bool taken, owner_died;
};
/* What a call that takes a lock said. */
inline grant granted(int result, std::int64_t timeout_ns) {
  if (result == 0) return {true, false};
  if (errno == EOWNERDEAD) return {true, true};
  if (timeout_ns != GSHM_FOREVER && (errno == EBUSY || errno == ETIMEDOUT)) return {false, false};
  throw error();
}

}  // namespace detail

/* A mutex across the cluster, not recursive, owned by the thread; those of one key are the same. What throws has not taken
 * it. It stands in for std::timed_mutex; its conditions are gshm::condition_variable, for std::condition_variable_any wakes
 * threads of this process only. */
class mutex {
 public:
  /* Errors: as gshm_mutex_handle. */
  mutex(const process &of, key called)
      : of_(of.registered_), called_(std::move(called)), handle_(detail::check(gshm_mutex_handle(of.get(), called_.get()))) {}
  mutex(const mutex &) = delete;
  mutex &operator=(const mutex &) = delete;

  /* Errors: DEADLOCK (held by this thread), DETACHED, NODE_LOST, DAEMON_LOST, INVALID. */
  void lock() { take(GSHM_FOREVER); }
  /* false: others hold it, or come first. Errors: as lock. */
  bool try_lock() { return take(0); }
  /* false: not in that time. Errors: as lock. */
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period> &time) {
    return take(detail::nanoseconds(time));
  }
  /* As try_lock_for, until that time. */
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration> &end) {
    return take(detail::nanoseconds(end - Clock::now()));
  }
  /* Errors: NOT_HOLDER, which in a guard's destructor ends the program. A lock whose daemon or node is lost is held no
   * more: that is no error here, the next lock() has it. */
  void unlock() {
    if (!of_->attached) return;
    if (gshm_mutex_release(handle_) != 0 && errno == EPERM) throw error();
  }

  /* The last holder died, and nobody has held it since. Only who holds it may ask. */
  bool owner_died() const noexcept { return owner_died_; }

  /* Takes the news of a holder's death away. Errors: BUSY (held, or somebody waits), NODE_LOST. */
  void destroy() { detail::check(gshm_destroy(of_->handle(), GSHM_MUTEX, called_.get())); }

 private:
  friend class condition_variable;

  bool take(std::int64_t timeout_ns) {
    of_->handle();
    const detail::grant is = detail::granted(gshm_mutex_acquire(handle_, timeout_ns), timeout_ns);
    if (is.taken) owner_died_ = is.owner_died;
    return is.taken;
  }
  /* Whether this thread holds it, who takes it if it is free. */
  bool has() noexcept {
    if (!of_->attached) return false;
    const bool taken = gshm_mutex_acquire(handle_, 0) == 0, died = !taken && errno == EOWNERDEAD;
    if (taken || died) owner_died_ = died;
    return taken || died || errno == EDEADLK;
  }

  detail::registered of_;
  key called_;
  gshm_mutex *handle_;
  bool owner_died_ = false; /* guarded by the mutex */
};

/* A reader-writer lock across the cluster, not recursive, owned by the thread; those of one key are the same. It stands in
 * for std::shared_timed_mutex: std::shared_lock reads, the other guards write. */
class shared_mutex {
 public:
  /* Errors: those of the calls, which look at the key. */
  shared_mutex(const process &of, key called) : of_(of), key_(std::move(called)) {}
  shared_mutex(const shared_mutex &) = delete;
  shared_mutex &operator=(const shared_mutex &) = delete;

  /* As those of mutex. Errors besides: NAME_TOO_LONG, NAME_INVALID, INVALID, LIMIT. */
  void lock() { write(GSHM_FOREVER); }
  bool try_lock() { return write(0); }
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period> &time) {
    return write(detail::nanoseconds(time));
  }
  /* As try_lock_for, until that time. */
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration> &end) {
    return write(detail::nanoseconds(end - Clock::now()));
  }
  void lock_shared() { read(GSHM_FOREVER); }
  bool try_lock_shared() { return read(0); }
  template <class Rep, class Period>
  bool try_lock_shared_for(const std::chrono::duration<Rep, Period> &time) {
    return read(detail::nanoseconds(time));
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration> &end) {
    return read(detail::nanoseconds(end - Clock::now()));
  }
  /* Errors: as unlock of mutex. */
  void unlock() {
    if (of_.attached() && gshm_rwlock_unlock(of_.get(), key_.get()) != 0 && errno == EPERM) throw error();
  }
  void unlock_shared() { unlock(); }

  /* A writer died, and no other has held it since. Only who holds it may ask. */
  bool owner_died() const noexcept { return owner_died_; }

  /* Errors: as gshm_destroy. */
  void destroy() { detail::check(gshm_destroy(of_.get(), GSHM_RWLOCK, key_.get())); }

 private:
  bool write(std::int64_t timeout_ns) {
    return note(detail::granted(gshm_rwlock_write(of_.get(), key_.get(), timeout_ns), timeout_ns));
  }
  bool read(std::int64_t timeout_ns) {
    return note(detail::granted(gshm_rwlock_read(of_.get(), key_.get(), timeout_ns), timeout_ns));
  }
  bool note(detail::grant is) noexcept {
    if (is.taken) owner_died_ = is.owner_died;
    return is.taken;
  }

  process of_;
  key key_;
  std::atomic<bool> owner_died_{false}; /* readers who hold it together are told the same */
};

/* Where `count` threads of the cluster meet; those of one key are the same. */
class barrier {
 public:
  /* For `count` threads of all processes, each of which makes one of these. shape: 0, GSHM_BARRIER_CENTRAL or
   * GSHM_BARRIER_TREE, as with gshm_barrier_wait. Throws nothing: what is wrong is told by whoever comes. */
  barrier(const process &of, key called, std::uint32_t count, unsigned shape = 0)
      : of_(of), key_(std::move(called)), count_(count), shape_(shape) {}

  /* Errors: as gshm_barrier_wait. */
  void arrive_and_wait() { wait(GSHM_FOREVER); }
  /* false: not all came in that time (of no time: it was not the last to come); this thread does not count any more, and
   * the others wait on. Errors: as gshm_barrier_wait. */
  bool try_arrive() { return wait(0); }
  template <class Rep, class Period>
  bool try_arrive_for(const std::chrono::duration<Rep, Period> &time) {
    return wait(detail::nanoseconds(time));
  }
  template <class Clock, class Duration>
  bool try_arrive_until(const std::chrono::time_point<Clock, Duration> &end) {
    return wait(detail::nanoseconds(end - Clock::now()));
  }
  /* Errors: BUSY (somebody waits), NODE_LOST. */
  void destroy() { detail::check(gshm_destroy(of_.get(), GSHM_BARRIER, key_.get())); }

 private:
  bool wait(std::int64_t timeout_ns) {
    return detail::granted(gshm_barrier_wait(of_.get(), key_.get(), count_, shape_, timeout_ns), timeout_ns).taken;
  }

  process of_;
  key key_;
  std::uint32_t count_;
  unsigned shape_;
};

}  // namespace gshm

#endif
