#include <atomic>
#include <numeric>

#include "runtime/runtime.h"
#include "support/support.h"

namespace runtime {
namespace {

TEST(Team, EveryTaskRunsOnceAtAnySize) {
  for (const std::size_t threads : {1U, 2U, 5U}) {
    Team team(threads);
    EXPECT_EQ(team.size(), threads);
    for (const std::size_t n : {0U, 1U, 3U, 1000U}) {
      std::vector<std::atomic<int>> seen(n);
      team.run(n, [&](std::size_t i, std::size_t thread) {
        EXPECT_LT(thread, threads);
        ++seen[i];
      });
      for (const auto& count : seen) EXPECT_EQ(count.load(), 1);
    }
  }
}

TEST(Team, ManyShortRoundsAreKeptApart) {
  Team team(3);
  std::vector<std::size_t> sums(64);
  for (std::size_t round = 0; round < 2000; ++round) {
    team.run(sums.size(), [&](std::size_t i, std::size_t) { sums[i] += round; });
  }
  for (const std::size_t s : sums) EXPECT_EQ(s, 1999U * 2000U / 2);
}

TEST(Team, TheFirstErrorIsRethrownAndTheTeamLivesOn) {
  Team team(2);
  std::atomic<std::size_t> ran{0};
  EXPECT_THROW(team.run(100000,
                        [&](std::size_t i, std::size_t) {
                          ++ran;
                          if (i == 3) throw base::Error(base::Fault::bad_input, "task 3");
                        }),
               base::Error);
  EXPECT_LT(ran.load(), 100000U);
  std::atomic<std::size_t> after{0};
  team.run(10, [&](std::size_t, std::size_t) { ++after; });
  EXPECT_EQ(after.load(), 10U);
}

TEST(Team, NoThreadsIsAnError) { EXPECT_THROW(Team(0), base::Error); }

}  // namespace
}  // namespace runtime
