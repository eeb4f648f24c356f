/* refusals: bad input to gshm.hpp, in one process. Prints a line per case: what it was, and what came of it.
 * Usage: refusals (all of them); refusals holder (takes the mutex "held", whoever died with it, and says so) */
#include <cstdio>
#include <functional>
#include <shared_mutex>
#include <string>
#include <thread>

#include "gshm.hpp"

static void tell(const char *what, const std::function<void()> &act) {
  std::string came = "nothing";
  try {
    act();
  } catch (const gshm::error &e) {
    came = e.name().empty() ? e.what() : e.name();
    if (std::string(e.what()).find(came) == std::string::npos || !e.code()) came = "an error that tells nothing";
  } catch (const gshm::bad_alloc &e) {
    const std::string text = e.what();
    came = "bad_alloc " + text.substr(0, text.find(':'));
  } catch (const std::bad_alloc &e) {
    came = e.what();
  }
  std::printf("%s: %s\n", what, came.c_str());
  std::fflush(stdout);
}

static int holder(gshm::process &p) {
  gshm::mutex m(p, "held");
  {
    std::lock_guard<gshm::mutex> guard(m);
    std::printf("owner_died %d\n", m.owner_died());
  }
  std::lock_guard<gshm::mutex> guard(m);
  std::printf("then %d\n", m.owner_died());
  return 0;
}

int main(int argc, char **) {
  using namespace std::chrono_literals;
  tell("no daemon", [] { gshm::process("/nonexistent/socket"); });
  gshm::process p;
  if (argc > 1) return holder(p);
  gshm::segment s = p.create("refusals", 1 << 20);
  gshm::view v = s.map();
  int local = 0;

  tell("created twice", [&] { p.create("refusals", 4096); });
  tell("not there", [&] { p.open("nothing"); });
  tell("beyond the segment", [&] { s.at(1 << 20); });
  tell("beyond the view", [&] { v.at<long>((1 << 20) - 7); });
  tell("far beyond the view", [&] { v.at<long>(UINT64_MAX - 7); });
  tell("misaligned", [&] { v.at<long>(4); });
  tell("address of a local", [&] { p.address(&local); });
  tell("pointer of no segment", [&] { p.pointer<int>(gshm_addr{99} << 44); });
  tell("mapped over itself", [&] { s.map(v.data()); });

  gshm::allocator<int> ints(v);
  tell("too much", [&] { std::vector<int, gshm::allocator<int>>(1 << 20, 0, ints); });
  tell("more than there is", [&] { ints.allocate(SIZE_MAX / 2); });
  tell("free of a local", [&] { ints.deallocate(&local, 1); });
  tell("free of null", [&] { ints.deallocate(nullptr, 1); });
  gshm::offset_ptr<int> block = ints.allocate(10);
  tell("free inside", [&] { ints.deallocate(block + 1, 9); });
  tell("free", [&] { ints.deallocate(block, 10); });
  tell("free twice", [&] { ints.deallocate(block, 10); });
  tell("no bytes", [&] { s.alloc(0); });
  tell("2^63 bytes", [&] { s.alloc(std::uint64_t{1} << 63); });
  gshm_options wrong = {};
  wrong.unit = 1;
  tell("no unit", [&] { p.create("none", 4096, wrong); });
  gshm_alloc_options place = {};
  place.align = 48;
  tell("an alignment that is no power of two", [&] { s.alloc(64, place); });
  place = {256, GSHM_HOME(0), 1};
  const gshm_addr raw = s.realloc(s.alloc(64, place), 100);
  tell("free of an interior address", [&] { s.free(raw + 16); });
  tell("realloc of an interior address", [&] { s.realloc(raw + 16, 8); });
  tell("free of an address", [&] { s.free(raw); });
  tell("free of it again", [&] { s.free(raw); });
  gshm::view part = s.map(nullptr, 4096, 4096);
  tell("allocator of a part", [&] { gshm::allocator<int> none(part); });
  struct alignas(256) line {
    char bytes[256];
  };
  tell("aligned", [&] {
    line *made = gshm::construct<line>(v);
    if (reinterpret_cast<std::uintptr_t>(made) % 256 != 0) throw gshm::error(EINVAL);
    gshm::destroy(v, made);
  });
  tell("a constructor that throws", [&] {
    struct thrower {
      thrower() { throw gshm::error(ERANGE, "ERR_GSHM_BEYOND_END: thrown"); }
    };
    gshm::construct<thrower>(v);
  });
  std::printf("blocks left: %d\n", static_cast<int>(p.stat("refusals").heap_blocks));

  gshm::mutex m(p, "m"), same(p, "m"), other(p, 7), there(p, gshm::key::at(s.at(64)));
  tell("unlock of what is free", [&] { m.unlock(); });
  m.lock();
  tell("recursion", [&] { same.lock(); });
  tell("recursion, tried", [&] { same.try_lock(); });
  std::thread([&] {
    std::printf("tried by another thread: %d\n", same.try_lock());
    std::printf("tried for a while: %d\n", same.try_lock_for(2ms));
    std::printf("tried until: %d\n", same.try_lock_until(std::chrono::steady_clock::now() - 1s));
    tell("unlock by another", [&] { same.unlock(); });
  }).join();
  tell("unlock", [&] { same.unlock(); });
  tell("unlock twice", [&] { m.unlock(); });
  tell("locked together", [&] { std::scoped_lock all(m, other, there); });
  tell("tried for ages", [&] { std::unique_lock<gshm::mutex> guard(m, std::chrono::hours(24 * 365 * 1000)); });
  tell("a name too long", [&] { gshm::mutex(p, std::string(64, 'x')); });
  tell("an empty name", [&] { gshm::mutex(p, ""); });
  tell("a barrier of none", [&] { gshm::barrier(p, 3, 0).arrive_and_wait(); });
  tell("a barrier of one", [&] { gshm::barrier(p, "b", 1).arrive_and_wait(); });
  gshm::barrier two(p, "b", 2);
  std::printf("a barrier of two, tried: %d\n", two.try_arrive());
  std::printf("a barrier of two, for a while: %d\n", two.try_arrive_for(2ms));
  tell("a barrier destroyed", [&] { two.destroy(); });

  gshm_options growing = {};
  growing.max_size = 1 << 20;
  gshm::segment small = p.create("small", 4096, growing);
  gshm::view shown = small.map();
  std::printf("shown: %d of %d\n", static_cast<int>(small.size()), static_cast<int>(shown.size()));
  tell("more than it may have", [&] { small.resize((1 << 20) + 1); });
  tell("allocated from what is too small", [&] { gshm::allocator<char>(shown).allocate(100000); });
  small.resize(1 << 20);
  tell("allocated after it has grown", [&] {
    gshm::allocator<char> bytes(shown);
    gshm::offset_ptr<char> block = bytes.allocate(100000);
    block[99999] = 1;
    bytes.deallocate(block, 100000);
  });

  gshm::shared_mutex rw(p, "rw");
  tell("unlock of a reader-writer lock that is free", [&] { rw.unlock_shared(); });
  {
    std::shared_lock<gshm::shared_mutex> reads(rw);
    tell("recursion to write", [&] { rw.lock(); });
    std::thread([&] {
      std::printf("read together: %d\n", rw.try_lock_shared());
      rw.unlock_shared();
      std::printf("written meanwhile: %d %d\n", rw.try_lock(), rw.try_lock_for(2ms));
    }).join();
  }
  {
    std::unique_lock<gshm::shared_mutex> writes(rw);
    std::thread([&] { std::printf("read meanwhile: %d\n", rw.try_lock_shared_for(2ms)); }).join();
  }

  gshm::condition_variable cv(p, "cv");
  {
    std::unique_lock<gshm::mutex> none(m, std::defer_lock), lost(m);
    tell("a wait without the mutex", [&] { cv.wait(none); });
    tell("destroy of a mutex that is held", [&] { m.destroy(); });
    m.unlock();
    tell("a wait without it, and its guard does not know", [&] { cv.wait(lost); });
    std::printf("it has the mutex: %d\n", lost.owns_lock());
  }
  tell("a condition of no name", [&] { gshm::condition_variable(p, "").notify_all(); });
  gshm::semaphore nothing(p, "nothing");
  tell("a unit of no semaphore", [&] { nothing.acquire(); });
  tell("units for no semaphore", [&] { nothing.release(); });
  tell("the value of no semaphore", [&] { nothing.value(); });
  tell("a semaphore of 2^31 units", [&] { gshm::semaphore(p, "much", 1u << 31); });
  gshm::semaphore most(p, "most", (1u << 31) - 1);
  tell("a unit more than there can be", [&] { most.release(); });
  tell("no units", [&] { most.release(0); });
  tell("destroy of a semaphore", [&] { most.destroy(); });
  tell("destroy of it again", [&] { most.destroy(); });
  tell("destroy of a counter that is not there", [&] { gshm::counter(p, "nothing").destroy(); });
  {
    std::unique_lock<gshm::shared_mutex> writes(rw);
    tell("destroy of a reader-writer lock that is held", [&] { rw.destroy(); });
  }
  tell("destroy of one that is free", [&] { rw.destroy(); });
  gshm::counter wraps(p, "wraps");
  wraps.fetch_add(INT64_MAX);
  wraps.fetch_sub(INT64_MIN);
  std::printf("wrapped: %d\n", static_cast<int>(wraps.load()));
  const auto *words = v.at<std::uint32_t>(0);
  const auto odd = reinterpret_cast<const std::uint32_t *>(static_cast<const char *>(v.data()) + 2);
  tell("a wait at no word", [&] { gshm::word(p, odd).wait(0); });
  tell("a wait at a local", [&] { gshm::word(p, reinterpret_cast<std::uint32_t *>(&local)).wait(0); });
  tell("a notify at a local", [&] { gshm::word(p, reinterpret_cast<std::uint32_t *>(&local)).notify_all(); });
  tell("a wait for what has another value", [&] { gshm::word(p, words + 9).wait(1); });

  gshm::view moved = std::move(part);
  tell("unmapped after a move", [&] { part.unmap(); });
  tell("unmap", [&] { moved.unmap(); });
  tell("unmap twice", [&] { moved.unmap(); });
  tell("allocated from a view that is gone", [&] {
    gshm::view again = s.map();
    gshm::allocator<int> from(again);
    again.unmap();
    from.allocate(1);
  });
  tell("detach", [&] { p.detach(); });
  tell("detach twice", [&] { p.detach(); });
  tell("size after detach", [&] { s.size(); });
  tell("lock after detach", [&] { m.lock(); });
  tell("notify after detach", [&] { cv.notify_one(); });
  tell("count after detach", [&] { wraps.fetch_add(1); });
  gshm::process again;
  tell("attached again", [&] { again.open("nothing"); });
  tell("the old one", [&] { p.open("nothing"); });
}
