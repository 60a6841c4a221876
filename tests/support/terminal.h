// The program as it writes to a terminal.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/support.h"

namespace test {

/// What quern writes to a terminal of so many columns, line ends as in files. "" if there are no
/// terminals here.
inline std::string run_in_terminal(const std::vector<std::string>& arguments, unsigned columns) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return "";
  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  if (terminal < 0) return "";
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 25;
  ::ioctl(terminal, TIOCSWINSZ, &size);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(terminal, 1);
    ::dup2(::open("/dev/null", O_WRONLY), 2);
    std::vector<char*> argv{const_cast<char*>(program_path())};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    ::execv(program_path(), argv.data());
    ::_exit(127);
  }
  ::close(terminal);
  std::string out;
  char piece[4096];
  for (ssize_t n = 0; (n = ::read(master, piece, sizeof piece)) > 0;) {
    out.append(piece, static_cast<std::size_t>(n));
  }
  ::close(master);
  ::waitpid(child, nullptr, 0);
  std::erase(out, '\r');
  return out;
}

}  // namespace test
