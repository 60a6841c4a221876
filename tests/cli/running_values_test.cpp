// Running values on a terminal: they come one by one, above the bar, and stay after Ctrl-C.
#include <gmock/gmock.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/support.h"

namespace {

using testing::HasSubstr;

/// The program on a terminal of 80 columns; `until`: Ctrl-C once this was printed.
struct OnTerminal {
  std::string screen;
  int exit_code = -1;

  OnTerminal(std::vector<std::string> words, const std::string& until) {
    words.insert(words.begin(), test::program_path());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    int terminal = -1;
    const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
    if (pid == 0) {
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    bool sent = until.empty();
    char buffer[4096];
    for (ssize_t n; (n = ::read(terminal, buffer, sizeof buffer)) > 0;) {
      screen.append(buffer, static_cast<std::size_t>(n));
      if (sent || screen.find(until) == std::string::npos) continue;
      sent = ::write(terminal, "\x03", 1) == 1;
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    ::close(terminal);
    if (WIFEXITED(status)) exit_code = WEXITSTATUS(status);
  }
};

std::vector<std::string> words(const std::string& command, const std::filesystem::path& text,
                               const std::string& chunks) {
  return {command,    "-m",          test::source_path("data/tiny-mla-bf16.gguf").string(),
          "-f",       text.string(), "-c",
          "64",       "-b",          "64",
          "--chunks", chunks};
}

TEST(RunningValues, StandInTheirOwnLineAboveTheBar) {
  const OnTerminal run(words("perplexity", test::source_path("data/evaluation.txt"), "3"), "");
  ASSERT_EQ(run.exit_code, 0) << run.screen;
  // Each value rewrites the line above that of the bar.
  EXPECT_THAT(run.screen, testing::ContainsRegex("\\[1\\][0-9.]+,\r\n"));
  EXPECT_THAT(run.screen, HasSubstr("\x1b[A\r\x1b[K[1]"));
  EXPECT_THAT(run.screen, testing::ContainsRegex("\\[1\\][^\r]*,\\[2\\][^\r]*,\\[3\\][^\r]*,\r\n"));
  EXPECT_THAT(run.screen, testing::ContainsRegex("\r\nFinal estimate: PPL = [0-9.]+"));
}

TEST(RunningValues, StayAfterAnInterruption) {
  const test::TempDir dir;
  // Long enough to be interrupted however late this process is woken.
  const std::string text = test::read_text(test::source_path("data/evaluation.txt"));
  std::ofstream file(dir / "text.txt");
  for (int i = 0; i < 30; ++i) file << text;
  file.close();
  for (const char* command : {"perplexity", "imatrix"}) {
    std::vector<std::string> all = words(command, dir / "text.txt", "9000");
    if (all[0] == "imatrix") all.insert(all.end(), {"-o", (dir / "i.gguf").string()});
    const OnTerminal run(all, "[1]");
    EXPECT_EQ(run.exit_code, 130) << run.screen;
    EXPECT_LT(run.screen.find("[1]"), run.screen.find("error: interrupted")) << command;
    // At the start of its line, whether the bar or the terminal's ^C stood there.
    EXPECT_THAT(run.screen, HasSubstr("\r\x1B[Kerror: interrupted")) << command;
  }
}

}  // namespace
