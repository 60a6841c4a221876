// Every source is formatted as .clang-format says; tools/lint tells how to see and mend the rest.
#include "support/support.h"

namespace {

constexpr int kToolMissing = 2, kNoPython = 127;  // exit codes of tools/lint and of env

TEST(Format, SourcesAreFormatted) {
  const auto lint = test::run_program(test::source_path("tools/lint").string(), {"--format"});
  if (lint.exit_code == kToolMissing) GTEST_SKIP() << lint.err;
  if (lint.exit_code == kNoPython) GTEST_SKIP() << "tools/lint needs python3";
  EXPECT_EQ(lint.exit_code, 0) << lint.out << lint.err << "mend with: clang-format -i FILE";
}

}  // namespace
