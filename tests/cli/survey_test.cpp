// The survey: what it leaves behind, and that it goes on where it stopped.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cli/survey_state.h"
#include "support/support.h"

namespace {

using nlohmann::json;
using testing::HasSubstr;

class Survey : public testing::Test {
 protected:
  std::vector<std::string> words(const std::string& types,
                                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> out = {"survey",
                                    "-m",
                                    test::source_path("data/tiny-mla-bf16.gguf").string(),
                                    "-f",
                                    test::source_path("data/evaluation.txt").string(),
                                    "--calibration",
                                    test::source_path("data/calibration.txt").string(),
                                    "--chunks",
                                    "2",
                                    "--calibration-chunks",
                                    "2",
                                    "-c",
                                    "128",
                                    "--types",
                                    types,
                                    "-o",
                                    folder().string()};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  std::filesystem::path folder() const { return dir_ / "s"; }
  std::set<std::string> files() const {
    std::set<std::string> out;
    for (const auto& f : std::filesystem::directory_iterator(folder())) {
      out.insert(f.path().filename().string());
    }
    return out;
  }
  /// The measured rows without the times.
  json rows() const {
    json all = json::parse(test::read_text(folder() / "survey.json"));
    for (json& row : all["rows"]) row.erase("seconds");
    return all["rows"];
  }

  const test::TempDir dir_;
};

TEST_F(Survey, LeavesOnlyTheResults) {
  const auto r = test::run_quern(words("q8_0"));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(files(), (std::set<std::string>{"imatrix.gguf", "index.html", "survey.json"}));
  ASSERT_EQ(test::run_quern(words("q8_0", {"--keep", "--no-resume"})).exit_code, 0);
  EXPECT_EQ(files(), (std::set<std::string>{"imatrix.gguf", "index.html", "original.logits",
                                            "q8_0-importance.gguf", "q8_0.gguf", "survey.json"}));
}

TEST_F(Survey, MeasuresOnlyWhatIsNew) {
  ASSERT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  const json before = rows();
  const auto again = test::run_quern(words("q8_0"));
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.out, HasSubstr("2 of 2 rows are known"));
  const auto more = test::run_quern(words("q8_0,q2_K"));
  EXPECT_EQ(more.exit_code, 0) << more.err;
  EXPECT_THAT(more.out, HasSubstr("2 of 4 rows are known"));
  EXPECT_EQ(rows().size(), 4u);
  const auto other = test::run_quern(words("q8_0", {"-ub", "64"}));
  EXPECT_EQ(other.exit_code, 0) << other.err;
  EXPECT_THAT(other.out, testing::Not(HasSubstr("rows are known")));
}

TEST_F(Survey, ADamagedStateIsMeasuredAgain) {
  ASSERT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  const json before = rows();
  for (const std::string text : {"", "{", "[]", "{\"version\":1,\"key\":5}", "null"}) {
    test::write_bytes(folder() / "survey.json", std::as_bytes(std::span(text)));
    const auto r = test::run_quern(words("q8_0"));
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(rows(), before) << text;
  }
}

TEST_F(Survey, InterruptedItTellsWhatIsKeptAndGoesOn) {
  const std::string types = "q8_0,q4_K,q6_K";
  ASSERT_EQ(test::run_quern(words(types)).exit_code, 0);
  const json whole = rows();
  std::filesystem::remove_all(folder());
  bool interrupted = false;
  for (useconds_t i = 0; i < 12; ++i) {
    const std::string errors = (dir_ / "err").string();
    const pid_t child = ::fork();
    if (child == 0) {
      if (std::freopen(errors.c_str(), "w", stderr) == nullptr) ::_exit(126);
      if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
      std::vector<char*> argv{const_cast<char*>(test::program_path())};
      const auto list = words(types);
      for (const std::string& w : list) argv.push_back(const_cast<char*>(w.c_str()));
      argv.push_back(nullptr);
      ::execv(test::program_path(), argv.data());
      ::_exit(127);
    }
    ::usleep(200000 + 200000 * i);
    ::kill(child, SIGINT);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    if (!WIFEXITED(status)) continue;  // before the handler was there
    EXPECT_EQ(WEXITSTATUS(status), 130);
    const std::string err = test::read_text(errors);
    EXPECT_THAT(err, HasSubstr("kept: "));
    interrupted = true;
  }
  EXPECT_TRUE(interrupted);
  ASSERT_EQ(test::run_quern(words(types)).exit_code, 0);
  EXPECT_EQ(rows(), whole);
  EXPECT_EQ(files(), (std::set<std::string>{"imatrix.gguf", "index.html", "survey.json"}));
}

TEST_F(Survey, TypesAreChecked) {
  const auto r = test::run_quern(words("q8_0,q4k"));
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("did you mean q4_K?"));
  EXPECT_FALSE(std::filesystem::exists(folder()));
  EXPECT_EQ(test::run_quern(words(",")).exit_code, 2);
}

TEST(SurveyState, RowsSurviveAndOtherKeysDoNot) {
  const test::TempDir dir;
  cli::SurveyState state(dir / "s.json", "k");
  state.set_importance("aa");
  state.set_original({.perplexity = {5, 0.5}, .base_bytes = 9});
  state.add({.type = "q8_0", .file_bytes = 7, .kld = {0.1, 0.01}});
  const cli::SurveyState same(dir / "s.json", "k");
  ASSERT_NE(same.find("q8_0", false), nullptr);
  EXPECT_EQ(same.find("q8_0", true), nullptr);
  EXPECT_EQ(same.find("q8_0", false)->kld.value, 0.1);
  EXPECT_EQ(same.original()->base_bytes, 9u);
  EXPECT_EQ(same.importance_hash(), "aa");
  EXPECT_EQ(cli::SurveyState(dir / "s.json", "other").size(), 0u);
}

}  // namespace
