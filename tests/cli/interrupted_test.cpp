// Ctrl-C: what is kept, and the command to go on.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>

#include "cli/commands.h"
#include "support/support.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

struct Stopped {
  int exit_code = -1;  ///< -1: killed before it could answer
  std::string err;
};

/// Runs the command and sends Ctrl-C once `ready`, which is asked over and over, says so.
Stopped stop_when(std::vector<std::string> words, const std::function<bool()>& ready) {
  const test::TempDir dir;
  const std::string errors = (dir / "err").string();
  const pid_t child = ::fork();
  if (child == 0) {
    if (std::freopen(errors.c_str(), "w", stderr) == nullptr) ::_exit(126);
    if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
    std::vector<char*> argv{const_cast<char*>(test::program_path())};
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    ::execv(test::program_path(), argv.data());
    ::_exit(127);
  }
  int status = 0;
  bool ended = false;
  while (!ended && !ready()) {
    ::usleep(10000);
    ended = ::waitpid(child, &status, WNOHANG) == child;
  }
  if (!ended) {
    ::kill(child, SIGINT);
    ::waitpid(child, &status, 0);
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, test::read_text(errors)};
}

/// Stops the command later and later until it was stopped in its work.
std::string message_of(const std::vector<std::string>& words, const std::string& wanted) {
  for (int i = 1; i <= 40; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const Stopped s = stop_when(words, [&] {
      return std::chrono::steady_clock::now() - start > std::chrono::milliseconds(100 * i);
    });
    if (s.exit_code == 130 && s.err.find(wanted) != std::string::npos) return s.err;
  }
  return "never stopped in its work";
}

bool holds_an_entry(const std::string& folder) {
  std::error_code not_yet;
  const std::filesystem::directory_iterator files(folder, not_yet);
  return !not_yet && std::any_of(begin(files), end(files), [](const auto& file) {
    return file.path().extension() == ".tensor";
  });
}

/// Exit code of a line of the shell.
int shell(const std::string& line) { return WEXITSTATUS(std::system(line.c_str())); }

// The log on a full disk, or read by something that ends early.
TEST(Interrupted, MessagesThatNobodyTakesDoNotEndTheWork) {
  const test::TempDir dir;
  const std::string out = (dir / "o.gguf").string(), quern = test::program_path();
  const std::string model = test::source_path("data/tiny-mla-bf16.gguf").string();
  EXPECT_EQ(shell(quern + " info nothing 2>/dev/full"), 1);
  EXPECT_EQ(shell(quern + " quantize " + model + " " + out + " q8_0 2>/dev/full >&2"), 0);
  EXPECT_TRUE(std::filesystem::exists(out));
  std::filesystem::remove(out);
  EXPECT_EQ(shell("bash -c '" + quern + " quantize " + model + " " + out +
                  " q4_K 2>&1 | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}'"),
            128 + SIGPIPE);
  EXPECT_FALSE(std::filesystem::exists(out));
  for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
    EXPECT_EQ(file.path().string().find(".unfinished"), std::string::npos) << file.path();
  }
}

TEST(Interrupted, QuantizeTellsOfResume) {
  const test::TempDir dir;
  const std::string out = (dir / "o u t.gguf").string();
  EXPECT_THAT(message_of({"quantize", "--pure", kModel, out, "iq3_kt"}, "kept: nothing"),
              AllOf(HasSubstr("error: interrupted"), HasSubstr("with --resume")));
  const Stopped s = stop_when({"quantize", "--resume", "--pure", kModel, out, "iq3_kt"},
                              [&] { return holds_an_entry(out + ".resume"); });
  EXPECT_EQ(s.exit_code, 130);
  EXPECT_THAT(s.err, AllOf(testing::ContainsRegex("kept: [1-9][0-9]* encoded tensors, "),
                           HasSubstr("go on with: quern quantize --resume --pure " + kModel + " '" +
                                     out + "' iq3_kt")));
}

TEST(Interrupted, ImatrixTellsOfItsCheckpoint) {
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  const std::string text = test::source_path("data/calibration.txt").string();
  const std::vector<std::string> words = {"imatrix", "-m",     kModel, "-f", text, "-o",
                                          out,       "-ofreq", "1",    "-t", "1"};
  const Stopped s = stop_when(words, [&] { return std::filesystem::exists(out + ".checkpoint"); });
  EXPECT_EQ(s.exit_code, 130);
  EXPECT_THAT(s.err,
              AllOf(HasSubstr("m.gguf.checkpoint"), HasSubstr("go on with: quern imatrix -m ")));
  EXPECT_TRUE(std::filesystem::exists(out + ".checkpoint"));
}

TEST(Interrupted, ACheckpointThatMayBeOfAnotherRunIsNotCalledKept) {
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  test::write_bytes(out + ".checkpoint", {});
  const cli::Command& command = *cli::find_command("imatrix");
  const char* const words[] = {"-m", "m", "-f", "f", "-o", out.c_str()};
  EXPECT_EQ(command.kept(cli::parse(command, words, "quern")).what, "nothing yet");
}

TEST(Interrupted, ImatrixTellsWhenTheLayerLoopSaves) {
  const test::TempDir dir;
  const std::string text = test::source_path("data/calibration.txt").string();
  EXPECT_THAT(message_of({"imatrix", "-m", kModel, "-f", text, "-o", (dir / "m.gguf").string(),
                          "--loop", "layer", "-t", "1"},
                         "kept: nothing"),
              HasSubstr("the layer loop saves its state after every layer"));
}

TEST(Interrupted, CommandsThatEncodeTellOfTheCacheAndOfResume) {
  struct Case {
    std::vector<const char*> words;
    const char *what, *how;
  };
  const test::TempDir dir;
  const std::string cache = (dir / "cache").string();
  ASSERT_EQ(test::run_quern({"quantize", "--cache", cache, kModel, (dir / "o").string(), "Q4_K_S"})
                .exit_code,
            0);
  const std::string kept = "65 encoded tensors, 12.47 MB, in " + cache;
  for (const char* name : {"quantize", "convert"}) {
    const cli::Command& command = *cli::find_command(name);
    ASSERT_NE(command.kept, nullptr) << name;
    for (const Case& c : {Case{{"a", "b"}, "nothing", "with --resume"},
                          Case{{"--resume", "a", "b"}, "nothing: no tensor was finished", ""},
                          Case{{"--resume", "a", "Q4_0"}, "finished, beside the output", ""},
                          Case{{"--cache", "none", "a", "b"}, "nothing: no tensor", ""},
                          Case{{"--cache", cache.c_str(), "a", "b"}, kept.c_str(), ""}}) {
      const cli::Kept told = command.kept(cli::parse(command, c.words, "quern"));
      EXPECT_THAT(told.what, HasSubstr(c.what)) << name;
      EXPECT_THAT(told.how, HasSubstr(c.how)) << name;
      EXPECT_EQ(told.how.empty(), c.how[0] == 0) << name;
    }
  }
}

}  // namespace
