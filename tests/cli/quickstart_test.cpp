// ./quickstart as written, behind its build: in a fresh clone, again, and after the next build.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/support.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A clone with the program built: the script without the lines that install and build.
class Quickstart : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory_symlink(test::source_path("data"), clone_ / "data");
    fs::create_directories(clone_ / "build/release");
    fs::create_symlink(test::program_path(), clone_ / "build/release/quern");
    const std::string script = test::read_text(test::source_path("quickstart"));
    const auto build = script.find("./tools/install-packages.sh");
    const auto survey = script.find("echo\n", build);
    ASSERT_NE(build, std::string::npos);
    ASSERT_NE(survey, std::string::npos);
    const std::string rest = script.substr(0, build) + script.substr(survey);
    test::write_bytes(clone_ / "quickstart", std::as_bytes(std::span(rest)));
  }
  test::RunResult run() const {
    return test::run_program("/bin/bash",
                             {(clone_ / "quickstart").string(), "--types", "q8_0", "--chunks", "2",
                              "--calibration-chunks", "2", "-c", "128"});
  }
  fs::path out() const { return clone_ / "out/quickstart"; }

  const test::TempDir clone_;
};

TEST_F(Quickstart, WorksInAFreshCloneAndAfterTheNextBuild) {
  const auto first = run();
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_TRUE(fs::exists(out() / "index.html"));
  const auto again = run();
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("2 of 2 rows are known"));
  auto state = nlohmann::json::parse(test::read_text(out() / "survey.json"));
  state["inputs"]["program"] = "the build before";
  state["inputs"]["kernels"] = "of another machine";
  const std::string text = state.dump();
  test::write_bytes(out() / "survey.json", std::as_bytes(std::span(text)));
  const auto rebuilt = run();
  EXPECT_EQ(rebuilt.exit_code, 0) << rebuilt.err;
  EXPECT_THAT(rebuilt.err, HasSubstr("2 rows of another build"));
}

}  // namespace
