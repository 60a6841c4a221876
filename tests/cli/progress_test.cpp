#include "cli/progress.h"

#include <gmock/gmock.h>

namespace {

using testing::Optional;

TEST(Progress, TimeLeftCountsFromWhereTheWorkWasTakenUp) {
  EXPECT_EQ(cli::seconds_left(0, 0, 100, 5), std::nullopt);
  EXPECT_THAT(cli::seconds_left(0, 10, 100, 5), Optional(45.0));
  // Half is older: ten took five seconds, and forty are left.
  EXPECT_THAT(cli::seconds_left(50, 60, 100, 5), Optional(20.0));
  EXPECT_EQ(cli::seconds_left(50, 50, 100, 5), std::nullopt);
  EXPECT_THAT(cli::seconds_left(50, 100, 100, 5), Optional(0.0));
}

}  // namespace
