#include "cli/line_reader.h"

#include <editline/readline.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "base/error.h"
#include "cli/interrupt.h"

namespace cli {
namespace {

/// One byte of the keyboard; -1 at the end, and for a signal that asks to stop.
int read_byte(int fd) {
  unsigned char byte = 0;
  for (;;) {
    const ssize_t n = ::read(fd, &byte, 1);
    if (n == 1) return byte;
    if (n == 0 || errno != EINTR || interrupt_flag().requested()) return -1;
  }
}

/// One character for libedit, which takes code points: it would read on after a signal.
int read_character(FILE* in) {
  const int fd = ::fileno(in);
  const int first = read_byte(fd);
  if (first < 0xC0) return first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  int code = first & (0x3F >> more);
  for (int i = 0; i < more; ++i) {
    const int byte = read_byte(fd);
    if (byte < 0) return -1;
    code = (code << 6) | (byte & 0x3F);
  }
  return code;
}

struct Free {
  void operator()(char* p) const noexcept { std::free(p); }
};

}  // namespace

LineReader::LineReader() : interactive_(::isatty(0) == 1 && ::isatty(1) == 1) {
  interrupt_flag();  // installs the handlers
  if (!interactive_) return;
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
  ::rl_getc_function = read_character;
  ::using_history();
}

std::optional<std::string> LineReader::next(const std::string& prompt) {
  if (!interactive_) {
    std::string line;
    if (!std::getline(std::cin, line)) {
      interrupt_flag().check();
      return std::nullopt;
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  }
  const std::unique_ptr<char, Free> line(::readline(prompt.c_str()));
  if (!line) {
    interrupt_flag().check();
    return std::nullopt;
  }
  std::string text = line.get();
  if (!text.empty()) ::add_history(text.c_str());
  return text;
}

}  // namespace cli
