#include "cli/painter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/line_reader.h"
#include "cli/talk.h"
#include "cli/terminal.h"

namespace cli {
namespace {

constexpr std::string_view kDim = "\033[2m", kBold = "\033[1;32m", kPlain = "\033[0m";
const std::string kStart = "<think>", kEnd = "</think>";

}  // namespace

void print_now(std::string_view bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

namespace {

void print_reply(std::string_view text) { print_now(for_screen(std::string(text), STDOUT_FILENO)); }

}  // namespace

void Painter::begin(bool thinking) {
  held_.clear();
  if (thinking) open();
}

void Painter::show(std::string_view text) {
  if (!colours_.replies) return print_reply(text);
  held_ += text;
  for (;;) {
    const std::string& tag = thinking_ ? kEnd : kStart;
    const std::size_t at = held_.find(tag);
    if (at == std::string::npos) break;
    if (thinking_) {
      print_reply(held_.substr(0, at + tag.size()));
      close();
    } else {
      print_reply(held_.substr(0, at));
      open();
      print_now(tag);
    }
    held_.erase(0, at + tag.size());
  }
  const std::size_t ready = held_.size() - pending_end(held_, {kStart, kEnd});
  print_reply(held_.substr(0, ready));
  held_.erase(0, ready);
}

void Painter::end() {
  print_reply(held_);
  held_.clear();
  if (thinking_) close();
  print_now("\n");
}

void Painter::tell(const std::string& text) const {
  if (colours_.remarks) {
    fmt::print(stderr, "{}{}{}\n", kDim, text, kPlain);
  } else {
    fmt::print(stderr, "{}\n", text);
  }
}

std::string Painter::prompt(std::string_view mark) const {
  if (!colours_.replies) return fmt::format("{} ", mark);
  constexpr char m = LineReader::kNoWidth;
  // The editor writes such a sequence with the character behind it, and drops it where none is.
  return fmt::format("{}{}{}{}{}{}{} ", m, kBold, m, mark, m, kPlain, m);
}

void Painter::open() {
  thinking_ = true;
  if (colours_.replies) print_now(kDim);
}

void Painter::close() {
  thinking_ = false;
  if (colours_.replies) print_now(kPlain);
}

}  // namespace cli
