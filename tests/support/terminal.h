// The program in a terminal.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "support/support.h"

namespace test {

/// A variable of the environment: name, value.
using Variables = std::vector<std::pair<std::string, std::string>>;

/// quern with a terminal of 25 rows, driven as by a person.
class TerminalProgram {
 public:
  struct Look {
    unsigned columns = 80;
    bool stderr_too = true;
    Variables variables = {{"TERM", "xterm-256color"}, {"NO_COLOR", "1"}};
  };

  explicit TerminalProgram(const std::vector<std::string>& arguments)
      : TerminalProgram(arguments, Look{}) {}
  TerminalProgram(const std::vector<std::string>& arguments, const Look& look)
      : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) return;
    terminal_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    if (terminal_ < 0) return;
    winsize size{};
    size.ws_col = static_cast<unsigned short>(look.columns);
    size.ws_row = 25;
    ::ioctl(terminal_, TIOCSWINSZ, &size);
    child_ = ::fork();
    if (child_ == 0) become(arguments, look);
  }
  ~TerminalProgram() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    for (const int fd : {master_, terminal_}) {
      if (fd >= 0) ::close(fd);
    }
  }
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  /// False if there are no terminals here.
  bool running() const noexcept { return child_ > 0; }
  /// Waits until what came since the last wait holds `text`, and returns everything up to its end;
  /// all that came if it does not within 20 seconds.
  std::string until(const std::string& text) {
    const auto deadline = Clock::now() + kPatience;
    for (;;) {
      const std::size_t at = out_.find(text, seen_);
      if (at != std::string::npos) {
        const std::string got = out_.substr(seen_, at + text.size() - seen_);
        seen_ = at + text.size();
        return got;
      }
      read_some(20);
      if (Clock::now() > deadline) {
        return out_.substr(std::exchange(seen_, out_.size()));
      }
    }
  }
  void type(const std::string& keys) {
    if (::write(master_, keys.data(), keys.size()) < 0) return;
  }
  /// The window gets another width, which the system tells the program by a signal.
  void resize(unsigned columns) const {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = 25;
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  void signal(int number) const { ::kill(child_, number); }
  /// Exit code, 128 + N for a signal; waits for the end, for 20 seconds at most.
  int finish() {
    const auto deadline = Clock::now() + kPatience;
    int status = 0;
    while (::waitpid(child_, &status, WNOHANG) == 0) {
      read_some(20);
      if (Clock::now() > deadline) ::kill(child_, SIGKILL);
    }
    while (read_some(0)) {
    }
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  /// All that was written, line ends as the terminal gets them.
  const std::string& out() const noexcept { return out_; }
  /// From now on it shows and edits what is typed, until the program changes that.
  void set_echo() const {
    termios modes{};
    ::tcgetattr(terminal_, &modes);
    modes.c_lflag |= static_cast<tcflag_t>(ECHO | ICANON);
    ::tcsetattr(terminal_, TCSANOW, &modes);
  }
  /// Whether the terminal itself shows and edits what is typed.
  bool echoes() const {
    termios modes{};
    return ::tcgetattr(terminal_, &modes) == 0 && (modes.c_lflag & ECHO) != 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kPatience{20};

  [[noreturn]] void become(const std::vector<std::string>& arguments, const Look& look) const {
    ::setsid();
    ::ioctl(terminal_, TIOCSCTTY, 0);
    const int nothing = ::open("/dev/null", O_WRONLY);
    ::dup2(terminal_, 0);
    ::dup2(terminal_, 1);
    ::dup2(look.stderr_too ? terminal_ : nothing, 2);
    ::close(master_);
    ::close(terminal_);
    for (const auto& [name, value] : look.variables) ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> argv{const_cast<char*>(program_path())};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    ::execv(program_path(), argv.data());
    ::_exit(127);
  }

  bool read_some(int wait_ms) {
    pollfd ready{.fd = master_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, wait_ms) <= 0) return false;
    char piece[4096];
    const ssize_t n = ::read(master_, piece, sizeof piece);
    if (n <= 0) return false;
    out_.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  int master_ = -1, terminal_ = -1;
  pid_t child_ = 0;
  std::string out_ = {};
  std::size_t seen_ = 0;
};

/// What quern writes to a terminal of so many columns, line ends as in files. "" if there are no
/// terminals here.
inline std::string run_in_terminal(const std::vector<std::string>& arguments, unsigned columns,
                                   const Variables& variables = {}) {
  TerminalProgram program(arguments,
                          {.columns = columns, .stderr_too = false, .variables = variables});
  if (!program.running()) return "";
  program.finish();
  std::string out = program.out();
  std::erase(out, '\r');
  return out;
}

}  // namespace test
