/* gshm_objects.hpp: condition variables, semaphores, counters and waits at words of the cluster, named and used as those of
 * the standard library. Included by gshm.hpp.
 *
 * Those of one key are the same. To make one of these objects makes nothing in the cluster, but for a semaphore with units, and
 * their ends destroy nothing there: destroy() does. */
#ifndef GSHM_OBJECTS_HPP
#define GSHM_OBJECTS_HPP

#include <condition_variable>

#include "gshm_sync.hpp"

namespace gshm {

namespace detail {

/* The end of a wait that may take several sleeps. */
class deadline {
 public:
  template <class Rep, class Period>
  explicit deadline(const std::chrono::duration<Rep, Period> &time) : length_(nanoseconds(time)), began_(clock::now()) {}
  /* As gshm.h has timeouts. */
  std::int64_t left() const {
    const std::int64_t gone = nanoseconds(clock::now() - began_);
    return gone < length_ ? length_ - gone : 0;
  }

 private:
  using clock = std::chrono::steady_clock;
  std::int64_t length_;
  clock::time_point began_;
};

/* What a call that may wait said; false: it did not get what it waited for in that time. */
inline bool in_time(int result) {
  if (result == 0) return true;
  if (errno == EBUSY || errno == ETIMEDOUT) return false;
  throw error();
}

}  // namespace detail

/* A condition variable across the cluster, for whoever holds a gshm::mutex by a std::unique_lock. It wakes threads of all
 * processes and nodes; it may wake one for nothing. That a holder died meanwhile is no exception: mutex::owner_died() says so. */
class condition_variable {
 public:
  condition_variable(const process &of, key called) : of_(of), key_(std::move(called)) {}
  condition_variable(const condition_variable &) = delete;
  condition_variable &operator=(const condition_variable &) = delete;

  /* Errors: as gshm_condition_signal. */
  void notify_one() { detail::check(gshm_condition_signal(of_.get(), key_.get())); }
  void notify_all() { detail::check(gshm_condition_broadcast(of_.get(), key_.get())); }

  /* Gives the mutex back, waits, and has it again, however long that takes. When it throws, lock.owns_lock() says whether
   * the mutex could be had again. Errors: as gshm_condition_wait; NOT_HOLDER: the lock has none. */
  void wait(std::unique_lock<mutex> &lock) { sleep(lock, GSHM_FOREVER); }
  template <class Predicate>
  void wait(std::unique_lock<mutex> &lock, Predicate done) {
    while (!done()) wait(lock);
  }
  /* Those with a predicate give what it said last. */
  template <class Rep, class Period>
  std::cv_status wait_for(std::unique_lock<mutex> &lock, const std::chrono::duration<Rep, Period> &time) {
    return sleep(lock, detail::nanoseconds(time)) ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
  template <class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<mutex> &lock, const std::chrono::duration<Rep, Period> &time, Predicate done) {
    const detail::deadline end(time);
    while (!done())
      if (!sleep(lock, end.left())) return done();
    return true;
  }
  template <class Clock, class Duration>
  std::cv_status wait_until(std::unique_lock<mutex> &lock, const std::chrono::time_point<Clock, Duration> &end) {
    return wait_for(lock, end - Clock::now());
  }
  template <class Clock, class Duration, class Predicate>
  bool wait_until(std::unique_lock<mutex> &lock, const std::chrono::time_point<Clock, Duration> &end, Predicate done) {
    return wait_for(lock, end - Clock::now(), done);
  }

  /* Errors: as gshm_destroy. */
  void destroy() { detail::check(gshm_destroy(of_.get(), GSHM_CONDITION, key_.get())); }

 private:
  /* false: not in that time. */
  bool sleep(std::unique_lock<mutex> &lock, std::int64_t timeout_ns) {
    if (!lock.owns_lock()) throw error(EPERM, "ERR_GSHM_NOT_HOLDER: the std::unique_lock has no mutex");
    mutex &held = *lock.mutex();
    const int result = gshm_condition_wait(of_.get(), key_.get(), held.called_.get(), timeout_ns);
    const int came = result == 0 ? 0 : errno;
    if (came != 0 && came != EOWNERDEAD && came != ETIMEDOUT && came != EBUSY) {
      const error why;
      if (!held.has()) lock.release(); /* else the guard would give back what it has not */
      throw why;
    }
    held.owner_died_ = came == EOWNERDEAD;
    return came == 0 || came == EOWNERDEAD;
  }

  process of_;
  key key_;
};

/* A counting semaphore across the cluster, as std::counting_semaphore. It stays until it is destroyed; who dies takes along
 * what it has taken. */
class semaphore {
 public:
  /* There must be one, else what is done with it is NOT_FOUND. */
  semaphore(const process &of, key called) : of_(of), key_(std::move(called)) {}
  /* Made with so many units, if there is none. Errors: as gshm_semaphore_open. */
  semaphore(const process &of, key called, std::uint32_t units) : semaphore(of, std::move(called)) {
    detail::check(gshm_semaphore_open(of_.get(), key_.get(), units));
  }
  semaphore(const semaphore &) = delete;
  semaphore &operator=(const semaphore &) = delete;

  /* Errors: as gshm_semaphore_wait. */
  void acquire() { take(GSHM_FOREVER); }
  /* false: there is none, or others come first; not in that time. */
  bool try_acquire() { return take(0); }
  template <class Rep, class Period>
  bool try_acquire_for(const std::chrono::duration<Rep, Period> &time) {
    return take(detail::nanoseconds(time));
  }
  template <class Clock, class Duration>
  bool try_acquire_until(const std::chrono::time_point<Clock, Duration> &end) {
    return take(detail::nanoseconds(end - Clock::now()));
  }
  /* Errors: as gshm_semaphore_post. */
  void release(std::uint32_t units = 1) { detail::check(gshm_semaphore_post(of_.get(), key_.get(), units)); }

  /* Units that there are now. Errors: NOT_FOUND, NODE_LOST. */
  std::uint32_t value() const {
    std::uint32_t units;
    detail::check(gshm_semaphore_value(of_.get(), key_.get(), &units));
    return units;
  }
  /* Errors: as gshm_destroy. */
  void destroy() { detail::check(gshm_destroy(of_.get(), GSHM_SEMAPHORE, key_.get())); }

 private:
  bool take(std::int64_t timeout_ns) {
    return detail::in_time(gshm_semaphore_wait(of_.get(), key_.get(), timeout_ns));
  }

  process of_;
  key key_;
};

/* A counter of 64 bits across the cluster, which wraps. It begins with 0, and stays until it is destroyed. Each call is a
 * release and an acquire. Errors of all: as gshm_counter_add. */
class counter {
 public:
  counter(const process &of, key called) : of_(of), key_(std::move(called)) {}
  counter(const counter &) = delete;
  counter &operator=(const counter &) = delete;

  /* What it was before. */
  std::int64_t fetch_add(std::int64_t delta) {
    std::int64_t before;
    detail::check(gshm_counter_add(of_.get(), key_.get(), delta, &before));
    return before;
  }
  std::int64_t fetch_sub(std::int64_t delta) {
    return fetch_add(static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(delta)));
  }
  std::int64_t load() { return fetch_add(0); }
  /* Errors: as gshm_destroy. */
  void destroy() { detail::check(gshm_destroy(of_.get(), GSHM_COUNTER, key_.get())); }

 private:
  process of_;
  key key_;
};

/* A 32-bit word of a segment, at which threads of all processes and nodes wait as std::atomic lets those of one. Who changes
 * it, by whatever means the segment's consistency allows, notifies afterwards. As with gshm_wait, only to be notified is an
 * acquire: who finds the new value there may be ahead of the notify. Valid while a view shows the word.
 * Errors of all: MISALIGNED, NOT_MAPPED, LIMIT, NODE_LOST. */
class word {
 public:
  word(const process &of, const std::uint32_t *at) : of_(of), at_(at) {}
  word(const process &of, const std::atomic<std::uint32_t> *at)
      : word(of, reinterpret_cast<const std::uint32_t *>(at)) {
    static_assert(sizeof *at == sizeof *at_ && std::atomic<std::uint32_t>::is_always_lock_free, "it is the word itself");
  }

  /* Until the word has another value. */
  void wait(std::uint32_t old) const {
    while (is_still(old, GSHM_FOREVER)) {}
  }
  /* false: it had that value all the time; or all that was seen of it. */
  template <class Rep, class Period>
  bool wait_for(std::uint32_t old, const std::chrono::duration<Rep, Period> &time) const {
    const detail::deadline end(time);
    std::int64_t left;
    do {
      left = end.left();
      if (!is_still(old, left)) return true;
    } while (left > 0);
    return false;
  }

  /* How many there were to wake. */
  std::int64_t notify_one() const { return notify(1); }
  std::int64_t notify_all() const { return notify(UINT32_MAX); }

 private:
  /* Looks, and sleeps until it is notified, or the time is over. */
  bool is_still(std::uint32_t old, std::int64_t timeout_ns) const {
    const int result = gshm_wait(of_.get(), at_, old, timeout_ns);
    if (result == 1) return false;
    detail::in_time(result);
    return __atomic_load_n(at_, __ATOMIC_SEQ_CST) == old;
  }
  std::int64_t notify(std::uint32_t count) const {
    const std::int64_t woken = gshm_notify(of_.get(), at_, count);
    if (woken < 0) throw error();
    return woken;
  }

  process of_;
  const std::uint32_t *at_;
};

}  // namespace gshm

#endif
