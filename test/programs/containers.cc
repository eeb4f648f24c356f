/* containers: standard containers in a segment, changed by processes that map it at different addresses.
 * Usage: containers ADDRESS CONSISTENCY PROCESSES ROUNDS
 * Each takes its turns under one mutex; then each checks the whole and prints where it had it, and what it found. */
/* gcc takes basic_string's moves for uses of an unset capacity; its place is in <string>. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <numeric>
#include <scoped_allocator>
#include <string>

#include "gshm.hpp"

template <class T>
using scoped = std::scoped_allocator_adaptor<gshm::allocator<T>>;
using ints = std::vector<int, gshm::allocator<int>>;
using string = std::basic_string<char, std::char_traits<char>, gshm::allocator<char>>;

struct shared {
  explicit shared(const gshm::view &in)
      : numbers(gshm::allocator<int>(in)), rows(gshm::allocator<ints>(in)), words(gshm::allocator<string>(in)),
        ends(gshm::allocator<int>(in)) {}
  ints numbers;
  std::vector<ints, scoped<ints>> rows;
  std::vector<string, scoped<string>> words; /* sorted */
  std::deque<int, gshm::allocator<int>> ends;
  gshm::offset_ptr<int> nothing = nullptr;
  int turns = 0;
};

static void fail(const std::string &what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::_Exit(1);
}

/* Short ones lie in the string itself, long ones in blocks. */
static string word(const gshm::view &in, int turn) {
  string made(gshm::allocator<char>{in});
  made.assign(turn % 3 == 0 ? 200 : 3, static_cast<char>('a' + turn % 26));
  return made += std::to_string(turn).c_str();
}

static void take_turn(const gshm::view &in, shared &all) {
  const int turn = all.turns++;
  all.numbers.push_back(turn);
  all.rows.emplace_back();
  for (int i = 0; i <= turn % 7; i++) all.rows.back().push_back(turn);
  if (turn % 5 == 4) all.rows.erase(all.rows.begin() + turn / 2 % static_cast<int>(all.rows.size()));
  const string made = word(in, turn);
  all.words.insert(std::lower_bound(all.words.begin(), all.words.end(), made), made);
  if (turn % 2 == 0) all.ends.push_back(turn);
  else all.ends.push_front(turn);
  if (turn % 50 == 49) {
    ints fewer(all.numbers); /* the old block is freed, by whoever comes to it */
    all.numbers.swap(fewer);
  }
}

static void check(const gshm::view &in, const shared &all, int turns) {
  const auto begin = static_cast<const char *>(in.data()), end = begin + in.size();
  auto inside = [&](const void *at) { return begin <= at && at < end; };
  if (all.turns != turns) fail("turns: " + std::to_string(all.turns));
  if (!inside(all.numbers.data()) || !inside(all.words.back().data())) fail("a pointer leaves the view");
  if (all.nothing) fail("null is not null any more");
  for (int i = 0; i < turns; i++)
    if (all.numbers.at(i) != i) fail("numbers: " + std::to_string(i));
  if (static_cast<int>(all.rows.size()) != turns - turns / 5) fail("rows: " + std::to_string(all.rows.size()));
  for (const ints &row : all.rows) {
    if (row.empty() || static_cast<int>(row.size()) != row[0] % 7 + 1) fail("a row's length");
    if (!std::all_of(row.begin(), row.end(), [&](int n) { return n == row[0]; })) fail("a row");
  }
  if (static_cast<int>(all.words.size()) != turns || !std::is_sorted(all.words.begin(), all.words.end())) fail("words");
  for (int i = 0; i < turns; i++)
    if (!std::binary_search(all.words.begin(), all.words.end(), word(in, i))) fail("no word " + std::to_string(i));
  if (static_cast<int>(all.ends.size()) != turns || all.ends[turns / 2] != 0) fail("ends");
}

int main(int argc, char **argv) try {
  if (argc != 5) fail("usage: containers ADDRESS CONSISTENCY PROCESSES ROUNDS");
  const int processes = std::atoi(argv[3]), rounds = std::atoi(argv[4]);
  gshm::process p;
  gshm_options options = {};
  options.consistency = argv[2];
  gshm::segment heap = p.open_or_create("containers", 8 << 20, options);
  gshm::view in = heap.map(reinterpret_cast<void *>(std::strtoull(argv[1], nullptr, 0)));
  gshm::view root = p.open_or_create("root", 4096, options).map();
  gshm_addr &where = *root.at<gshm_addr>(0);
  gshm::mutex m(p, "containers");
  gshm::barrier all_here(p, "containers", processes);

  {
    std::lock_guard<gshm::mutex> guard(m);
    if (where == 0) where = p.address(gshm::construct<shared>(in, in));
  }
  all_here.arrive_and_wait();
  for (int i = 0; i < rounds; i++) {
    std::unique_lock<gshm::mutex> guard(m);
    take_turn(in, *p.pointer<shared>(where));
  }
  all_here.arrive_and_wait();
  std::unique_lock<gshm::mutex> guard(m);
  shared *all = p.pointer<shared>(where);
  check(in, *all, processes * rounds);
  std::printf("%p %ld\n", in.data(), std::accumulate(all->numbers.begin(), all->numbers.end(), 0L));
  guard.unlock();
  all_here.arrive_and_wait();
  guard.lock();
  if (where != 0) {
    where = 0;
    gshm::destroy(in, all);
  }
} catch (const std::exception &e) {
  fail(e.what());
}
