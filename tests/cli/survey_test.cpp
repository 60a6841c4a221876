// The survey: what it leaves behind, and that it goes on where it stopped.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file_lock.h"
#include "cli/command_line.h"
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

  /// What the page shows.
  json page_data() const {
    const std::string page = test::read_text(folder() / "index.html");
    const std::size_t start = page.find("const survey = ") + 15;
    return json::parse(page.substr(start, page.find(";\n", start) - start));
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
}

TEST_F(Survey, EarlierRowsOfOtherTypesStayInTheTableAndThePage) {
  ASSERT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  const auto r = test::run_quern(words("q4_0", {"-t", "1", "--no-escape"}));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(rows().size(), 4u);
  EXPECT_THAT(r.out, HasSubstr("\nq8_0 "));
  const json page = page_data();
  EXPECT_EQ(page.at("rows").size(), 4u);
  EXPECT_EQ(page.at("calibration_windows"), 2);
  // The command that makes this page anew: every option that is no default, all types of the table.
  const std::string data = test::source_path("data").string();
  EXPECT_EQ(page.at("command"),
            "quern survey -m " + data + "/tiny-mla-bf16.gguf -f " + data +
                "/evaluation.txt -c 128 --chunks 2 --no-escape -t 1 --calibration " + data +
                "/calibration.txt --calibration-chunks 2 --types q8_0,q4_0 -o " +
                folder().string());
}

TEST(CommandLine, WordsAreQuotedWhereAShellWouldSplitThem) {
  EXPECT_EQ(cli::shell_word("a/b-1.gguf"), "a/b-1.gguf");
  EXPECT_EQ(cli::shell_word("it's here"), "'it'\\''s here'");
  EXPECT_EQ(cli::shell_word(""), "''");
}

TEST_F(Survey, RowsOfOtherInputsAreNotDropped) {
  ASSERT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  const json before = rows();
  const auto other = test::run_quern(words("q4_0", {"-ub", "64"}));
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("the folder holds a survey of other inputs"));
  EXPECT_THAT(other.err, HasSubstr("rows: 2"));
  EXPECT_THAT(other.err, HasSubstr("ubatch-size: 512 there, 64 here"));
  EXPECT_THAT(other.err, testing::Not(HasSubstr("ctx-size:")));
  EXPECT_EQ(rows(), before);
  const auto anew = test::run_quern(words("q4_0", {"-ub", "64", "--no-resume"}));
  EXPECT_EQ(anew.exit_code, 0) << anew.err;
  EXPECT_EQ(rows().size(), 2u);
}

TEST_F(Survey, ADamagedStateIsToldAndStays) {
  ASSERT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  const std::pair<std::string, std::string> kCases[] = {
      {"", "offset: 1"},
      {"{\"version\": oops", "offset: 13"},
      {"[]", "not the state of a survey"},
      {"{\"version\":2,\"rows\":[],\"inputs\":5}", "not the state of a survey"},
      {"null", "not the state of a survey"},
      {"{\"version\":1,\"key\":\"k\",\"rows\":[1,2,3]}", "rows: 3"}};
  for (const auto& [text, expected] : kCases) {
    test::write_bytes(folder() / "survey.json", std::as_bytes(std::span(text)));
    const auto r = test::run_quern(words("q8_0"));
    EXPECT_EQ(r.exit_code, 1) << text;
    EXPECT_THAT(r.err, HasSubstr("survey.json"));
    EXPECT_THAT(r.err, HasSubstr(expected)) << text;
    EXPECT_THAT(r.err, HasSubstr("--no-resume"));
    EXPECT_EQ(test::read_text(folder() / "survey.json"), text);
  }
  const auto anew = test::run_quern(words("q8_0", {"--no-resume"}));
  EXPECT_EQ(anew.exit_code, 0) << anew.err;
  EXPECT_EQ(rows().size(), 2u);
}

TEST_F(Survey, AFolderTakesOneRunAtATime) {
  std::filesystem::create_directory(folder());
  {
    const auto lock = base::FileLock::inside(folder());
    const auto r = test::run_quern(words("q8_0"));
    EXPECT_EQ(r.exit_code, 1);
    EXPECT_THAT(r.err, HasSubstr("another run writes here"));
    EXPECT_THAT(r.err, HasSubstr("process: " + std::to_string(::getpid())));
  }
  EXPECT_EQ(files(), (std::set<std::string>{}));
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

TEST_F(Survey, RowsOfAnotherBuildAreMeasuredAnew) {
  ASSERT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  const json before = rows();
  for (const char* input : {"program", "kernels"}) {
    json state = json::parse(test::read_text(folder() / "survey.json"));
    state["inputs"][input] = "another";
    state["rows"][0]["kld_99"] = 77.0;
    const std::string text = state.dump();
    test::write_bytes(folder() / "survey.json", std::as_bytes(std::span(text)));
    const auto r = test::run_quern(words("q8_0"));
    ASSERT_EQ(r.exit_code, 0) << r.err;
    EXPECT_THAT(r.err, HasSubstr("2 rows of another build or other kernels are measured anew"));
    EXPECT_EQ(rows(), before);
    EXPECT_EQ(test::read_text(folder() / "survey.json.old"), text);
  }
}

TEST_F(Survey, NeverReplacesWhatItDidNotMake) {
  std::filesystem::create_directory(folder());
  const std::string mine = "mine";
  const auto put = [&](const char* name) {
    test::write_bytes(folder() / name, std::as_bytes(std::span(mine)));
  };
  for (const char* name :
       {"imatrix.gguf", "imatrix.gguf.checkpoint", "index.html", "original.logits"}) {
    put(name);
    const auto r = test::run_quern(words("q8_0", {"--no-resume"}));
    EXPECT_EQ(r.exit_code, 1) << name;
    EXPECT_THAT(r.err, HasSubstr("would replace a file that it did not make"));
    EXPECT_THAT(r.err, HasSubstr(name));
    EXPECT_EQ(test::read_text(folder() / name), mine);
    EXPECT_EQ(files(), std::set<std::string>{name});
    std::filesystem::remove(folder() / name);
  }
  put("q8_0.gguf");
  EXPECT_EQ(test::run_quern(words("q8_0", {"--keep"})).exit_code, 1);
  EXPECT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  EXPECT_EQ(test::read_text(folder() / "q8_0.gguf"), mine);
  EXPECT_EQ(files(),
            (std::set<std::string>{"imatrix.gguf", "index.html", "q8_0.gguf", "survey.json"}));
  put("imatrix.gguf");  // where rows of another one are
  EXPECT_EQ(test::run_quern(words("q8_0,q4_0")).exit_code, 1);
  EXPECT_EQ(test::read_text(folder() / "imatrix.gguf"), mine);
}

TEST_F(Survey, WhatAKilledRunLeftGoes) {
  std::filesystem::create_directory(folder());
  const std::string half = "half";
  test::write_bytes(folder() / ".survey.gguf", std::as_bytes(std::span(half)));
  ASSERT_EQ(test::run_quern(words("q8_0")).exit_code, 0);
  EXPECT_EQ(files(), (std::set<std::string>{"imatrix.gguf", "index.html", "survey.json"}));
}

TEST_F(Survey, TypesAreChecked) {
  const auto r = test::run_quern(words("q8_0,q4k"));
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("did you mean q4_K?"));
  EXPECT_FALSE(std::filesystem::exists(folder()));
  EXPECT_EQ(test::run_quern(words(",")).exit_code, 2);
  for (const char* none : {"COPY", "mxfp4_moe"}) {
    EXPECT_EQ(test::run_quern(words(none)).exit_code, 2) << none;
  }
  EXPECT_THAT(test::run_quern(words("mxfp4_moe")).err,
              HasSubstr("MXFP4_MOE is a recipe of --policy llama.cpp"));
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

// A recipe is made as quantize makes it, a type goes into every layer; blanks are no part of
// either.
TEST_F(Survey, RecipesAreNoTypes) {
  ASSERT_EQ(test::run_quern(words("q3_K, Q3_K,q3_k_l")).exit_code, 0);
  const json all = rows();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0]["type"], "Q3_K_L");
  EXPECT_EQ(all[2]["type"], "q3_K");
  const test::TempDir dir;
  const std::string made = (dir / "m.gguf").string();
  ASSERT_EQ(test::run_quern(
                {"quantize", test::source_path("data/tiny-mla-bf16.gguf").string(), made, "Q3_K_L"})
                .exit_code,
            0);
  EXPECT_EQ(all[0]["bytes"], std::filesystem::file_size(made));
}

TEST(SurveyState, RowsSurviveAndOtherKeysDoNot) {
  const test::TempDir dir;
  const cli::SurveyInputs inputs{{"model", "k"}};
  cli::SurveyState state(dir / "s.json", inputs);
  state.set_importance("aa");
  state.set_original({.perplexity = {5, 0.5}, .base_bytes = 9});
  state.add({.type = "q8_0", .file_bytes = 7, .kld = {0.1, 0.01}});
  const cli::SurveyState same(dir / "s.json", inputs);
  ASSERT_NE(same.find("q8_0", false), nullptr);
  EXPECT_EQ(same.find("q8_0", true), nullptr);
  EXPECT_EQ(same.find("q8_0", false)->kld.value, 0.1);
  EXPECT_EQ(same.original()->base_bytes, 9u);
  EXPECT_EQ(same.importance_hash(), "aa");
  EXPECT_THROW(cli::SurveyState(dir / "s.json", {{"model", "other"}}), base::Error);
  EXPECT_EQ(cli::SurveyState::anew(dir / "s.json", {{"model", "other"}}).size(), 0u);
  EXPECT_EQ(cli::SurveyState(dir / "s.json", inputs).size(), 1u);
}

}  // namespace
