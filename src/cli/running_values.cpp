#include "cli/running_values.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "cli/text_table.h"

namespace cli {
namespace {

bool is_pipe(int descriptor) {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && S_ISFIFO(info.st_mode);
}

}  // namespace

RunningValues::RunningValues(TerminalProgress& progress)
    : progress_(progress), above_bar_(is_screen(STDOUT_FILENO) && is_screen(STDERR_FILENO)) {
  if (is_pipe(STDOUT_FILENO)) progress_.hide();
}

RunningValues::~RunningValues() {
  if (open_) fmt::print("\n");
  std::fflush(stdout);
}

void RunningValues::add(std::string_view text) {
  if (above_bar_) {
    add_above_bar(text);
  } else if (!text.empty()) {
    fmt::print("{}", text);
    open_ = text.back() != '\n';
  }
  std::fflush(stdout);
}

void RunningValues::add_above_bar(std::string_view text) {
  progress_.clear();
  // The open line is the one above that of the bar: it is written anew.
  if (!line_.empty()) fmt::print("\x1b[A\r\x1b[K");
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    fmt::print("{}{}\n", line_, text.substr(0, end));
    line_.clear();
    text.remove_prefix(end + 1);
  }
  if (!line_.empty() && line_.size() + text.size() >= columns(80)) {
    fmt::print("{}\n", line_);
    line_.clear();
  }
  line_ += text;
  if (!line_.empty()) fmt::print("{}\n", line_);
}

void RunningValues::finish(std::string_view end) {
  progress_.clear();
  if (line_.empty()) fmt::print("{}", end);
  line_.clear();
  open_ = false;
}

}  // namespace cli
