#include "convert/wrong_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/printable.h"

namespace convert {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kFetchAgain = "the file is cut off; fetch it again";

/// What is open at the end of a text that stops too early.
std::string_view open_part(std::string_view text) {
  std::string open;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      open.push_back(c);
    } else if ((c == '}' || c == ']') && !open.empty()) {
      open.pop_back();
    }
  }
  if (in_string) return "a string";
  if (open.empty()) return "a value";
  return open.back() == '{' ? "an object" : "a list";
}

/// "unexpected '}'; expected ...": the parser's message without its place.
std::string reason_of_parser(std::string_view message) {
  constexpr std::string_view kDash = " - ";
  const std::size_t at = message.find(kDash);
  if (at != std::string_view::npos) message.remove_prefix(at + kDash.size());
  return base::printable(message, 200);
}

}  // namespace

std::optional<base::Error> lfs_pointer(std::string_view head) {
  if (!head.starts_with("version https://git-lfs")) return std::nullopt;
  return base::Error(base::Fault::bad_file, "a Git LFS pointer stands in place of the file")
      .hint("fetch the files themselves: git lfs pull in the folder");
}

base::Error json_error(std::string_view text, std::size_t offset, std::string_view parser_text) {
  if (auto pointer = lfs_pointer(text)) return *std::move(pointer);
  const auto error = [](std::string_view why) {
    return base::Error(base::Fault::bad_file, fmt::format("not a JSON file: {}", why));
  };
  if (text.find_first_not_of(kBlanks) == std::string_view::npos) {
    return error("it is empty").hint("fetch it again");
  }
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return error("it is UTF-16").expected("UTF-8").hint("save it as UTF-8");
  }
  const std::size_t at = std::min(offset > 0 ? offset - 1 : 0, text.size());
  const std::string_view before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t column = at - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  const auto placed = [&](base::Error e) {
    e.at("line", line).at("column", column).at("offset", at);
    return e;
  };
  if (at >= text.size()) {
    return placed(error(fmt::format("it ends inside {}", open_part(text)))).hint(kFetchAgain);
  }
  if (parser_text.find("UTF-8") != std::string_view::npos) {
    return placed(error("it is not UTF-8"))
        .at("found", fmt::format("byte 0x{:02x}", static_cast<unsigned char>(text[at])))
        .hint("the file is damaged; fetch it again");
  }
  return placed(error(reason_of_parser(parser_text)));
}

}  // namespace convert
