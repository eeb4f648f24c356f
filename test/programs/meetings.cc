/* meetings: two processes that meet by what gshm_objects.hpp has. What they say to each other lies in plain memory.
 * Usage: meetings 0|1 CONSISTENCY ROUNDS (one process of each number)
 * Prints what came of it; "wrong ...": a word was lost, or came too early. */
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "gshm.hpp"

using namespace std::chrono_literals;

static void fail(const std::string &what) {
  std::fprintf(stderr, "wrong %s\n", what.c_str());
  std::_Exit(1);
}

struct shared {
  long ring[4], put, taken; /* under the mutex "ring" */
  long said;                /* whose turn it is by semaphores */
  long told;                /* whose turn it is by the word */
};

/* One puts, the other takes; both wait by condition variables. */
static void pass(const gshm::process &p, shared &all, bool takes, long rounds) {
  gshm::mutex m(p, "ring");
  gshm::condition_variable room(p, "room"), more(p, 9);
  long sum = 0;
  for (long i = 1; i <= rounds; i++) {
    std::unique_lock<gshm::mutex> guard(m);
    if (takes) {
      if (!more.wait_for(guard, 60s, [&] { return all.put > all.taken; })) fail("nothing came in a minute");
      sum += all.ring[all.taken++ % 4];
      room.notify_one();
    } else {
      room.wait(guard, [&] { return all.put - all.taken < 4; });
      all.ring[all.put++ % 4] = i;
      more.notify_all();
    }
    if (!guard.owns_lock()) fail("mutex after a wait");
  }
  if (takes) std::printf("passed %ld\n", sum);
}

/* In turns; the units are the turns. */
static void alternate(const gshm::process &p, shared &all, long me, long rounds) {
  gshm::semaphore mine(p, "turn " + std::to_string(me), me == 0), theirs(p, "turn " + std::to_string(1 - me), me == 1);
  for (long i = 0; i < rounds; i++) {
    mine.acquire();
    if (all.said != 2 * i + me) fail("turn by semaphores: " + std::to_string(all.said));
    all.said++;
    theirs.release();
  }
}

/* The same by a word in a sequentially consistent segment. Who sees its new value need not wait for the notify: so
 * what was written elsewhere is made known before. */
static void answer(const gshm::process &p, const gshm::segment &s, shared &all, std::atomic<std::uint32_t> &at,
                   std::uint32_t me, long rounds) {
  const gshm::word turn(p, &at);
  for (long i = 0; i < rounds; i++) {
    const auto before = static_cast<std::uint32_t>(2 * i) + me;
    if (before != 0) turn.wait(before - 1);
    s.acquire();
    if (at.load() != before || all.told != before) fail("turn by a word: " + std::to_string(all.told));
    all.told++;
    s.release();
    at.store(before + 1);
    turn.notify_all();
  }
  if (me == 0) turn.wait(static_cast<std::uint32_t>(2 * rounds) - 1);
  s.acquire();
}

static void count(const gshm::process &p, long rounds) {
  gshm::counter c(p, "counter");
  std::int64_t last = -1;
  for (long i = 0; i < rounds; i++) {
    const std::int64_t before = c.fetch_add(1);
    if (before <= last) fail("counter: " + std::to_string(before));
    last = before;
  }
}

/* What waits for nobody, and mutexes after it. */
static void give_up(const gshm::process &p, std::atomic<std::uint32_t> &at) {
  gshm::mutex m(p, "alone");
  gshm::condition_variable never(p, "never");
  std::unique_lock<gshm::mutex> guard(m);
  if (never.wait_for(guard, 2ms) != std::cv_status::timeout) fail("signal of nobody");
  if (never.wait_until(guard, std::chrono::steady_clock::now() - 1s, [] { return false; })) fail("time that is over");
  if (never.wait_for(guard, 0s) != std::cv_status::timeout || !guard.owns_lock()) fail("no time");
  gshm::semaphore none(p, gshm::key(77), 0);
  if (none.try_acquire() || none.try_acquire_for(2ms) || none.value() != 0) fail("unit of nobody");
  const gshm::word word(p, &at);
  if (word.wait_for(at.load(), 2ms) || word.wait_for(at.load(), 0s)) fail("word that nobody changed");
  if (!word.wait_for(at.load() + 1, 0s) || word.notify_one() != 0) fail("word that has another value");
  none.release(2);
  if (!none.try_acquire_until(std::chrono::system_clock::now() + 1h) || none.value() != 1) fail("a unit");
  gshm::counter c(p, "counter");
  if (c.fetch_sub(7) != c.fetch_add(7) + 7) fail("fetch_sub");
  c.destroy();
  if (c.load() != 0) fail("counter anew");
  none.destroy();
  never.destroy();
  guard.unlock();
  m.destroy();
}

int main(int argc, char **argv) try {
  if (argc != 4) return 2;
  const long me = std::atol(argv[1]), rounds = std::atol(argv[3]);
  gshm::process p;
  gshm_options options = {};
  options.consistency = argv[2];
  const gshm::segment segment = p.open_or_create("meetings", 4096, options);
  const gshm::view memory = segment.map();
  const gshm::view words = p.open_or_create("words", 4096).map();
  shared &all = *memory.at<shared>(0);
  auto &word = *words.at<std::atomic<std::uint32_t>>(64);
  gshm::barrier both(p, "meetings", 2);

  both.arrive_and_wait();
  pass(p, all, me == 0, rounds);
  both.arrive_and_wait();
  pass(p, all, me == 1, rounds);
  alternate(p, all, me, rounds);
  answer(p, segment, all, word, static_cast<std::uint32_t>(me), rounds);
  std::thread other([&] { count(p, rounds); });
  count(p, rounds);
  other.join();
  both.arrive_and_wait();
  std::printf("said %ld, told %ld, counted %ld\n", all.said, all.told, static_cast<long>(gshm::counter(p, "counter").load()));
  both.arrive_and_wait();
  if (me == 0) give_up(p, word);
} catch (const std::exception &e) {
  fail(e.what());
}
