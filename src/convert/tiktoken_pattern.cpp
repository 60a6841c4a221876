// Tiktoken vocabularies keep their expression in the Python file beside them
// (docs/spec/tokenizers.md 5.4).
#include "convert/tiktoken_pattern.h"

#include <algorithm>
#include <cctype>
#include <system_error>
#include <vector>

#include "convert/json_file.h"

namespace convert {
namespace {

namespace fs = std::filesystem;

/// Reads Python from a place on: as much of it as string expressions need.
class PythonText {
 public:
  explicit PythonText(std::string_view rest) : rest_(rest) {}

  bool take(std::string_view token) {
    skip_blanks();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  /// Literals side by side, as Python joins them.
  std::optional<std::string> strings() {
    std::optional<std::string> out = literal();
    while (out) {
      const std::optional<std::string> more = literal();
      if (!more) break;
      *out += *more;
    }
    return out;
  }

 private:
  void skip_blanks() {
    for (;;) {
      while (!rest_.empty() && std::string_view(" \t\r\n\\").find(rest_[0]) < 5) {
        rest_.remove_prefix(1);
      }
      if (!rest_.starts_with('#')) return;
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    }
  }

  std::optional<std::string> literal() {
    skip_blanks();
    std::size_t at = 0;
    bool raw = false;
    for (; at < 2 && at < rest_.size() && std::string_view("rRuU").find(rest_[at]) < 4; ++at) {
      raw = raw || rest_[at] == 'r' || rest_[at] == 'R';
    }
    const std::string_view quoted = rest_.substr(at);
    for (const std::string_view quote : {"\"\"\"", "'''", "\"", "'"}) {
      if (quoted.starts_with(quote)) return body(at + quote.size(), quote, raw);
    }
    return std::nullopt;
  }

  std::optional<std::string> body(std::size_t at, std::string_view quote, bool raw) {
    std::string out;
    while (at < rest_.size() && !rest_.substr(at).starts_with(quote)) {
      if (rest_[at] != '\\' || at + 1 == rest_.size()) {
        out += rest_[at++];
        continue;
      }
      // A backslash holds the next character, and stays in raw literals.
      constexpr std::string_view kLetters = "nrt\\'\"", kMeanings = "\n\r\t\\'\"";
      const std::size_t known = kLetters.find(rest_[at + 1]);
      if (raw || known == std::string_view::npos) {
        out += rest_.substr(at, 2);
      } else {
        out += kMeanings[known];
      }
      at += 2;
    }
    if (at >= rest_.size()) return std::nullopt;
    rest_.remove_prefix(at + quote.size());
    return out;
  }

  std::string_view rest_;
};

/// Behind "pat_str =".
std::optional<std::string> string_expression(PythonText text) {
  const bool in_brackets = text.take("(");
  std::optional<std::string> out = text.strings();
  if (!out || !text.take(".")) return out;
  if (in_brackets || !text.take("join") || !text.take("(")) return std::nullopt;
  if (!text.take("[") && !text.take("(")) return std::nullopt;
  const std::string between = *out;
  std::string joined;
  for (bool first = true;; first = false) {
    const std::optional<std::string> part = text.strings();
    if (!part) return first ? std::nullopt : std::optional(joined);
    joined += (first ? "" : between) + *part;
    if (!text.take(","))
      return text.take("]") || text.take(")") ? std::optional(joined) : std::nullopt;
  }
}

}  // namespace

std::optional<std::string> python_pattern(std::string_view source) {
  constexpr std::string_view kName = "pat_str";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  for (auto at = source.begin();; at += 1) {
    at = std::search(at, source.end(), kName.begin(), kName.end(), same);
    if (at == source.end()) return std::nullopt;
    PythonText text(source.substr(static_cast<std::size_t>(at - source.begin()) + kName.size()));
    if (!text.take("=") || text.take("=")) continue;
    if (auto found = string_expression(text)) return found;
  }
}

std::optional<nlohmann::json> tiktoken_pre_tokenizer(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("tokenization") && name.ends_with(".py")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  constexpr std::uintmax_t kMaxBytes = 1 << 20;  // no tokenizer has more code
  for (const fs::path& file : files) {
    std::error_code failed;
    if (fs::file_size(file, failed) > kMaxBytes) continue;  // also what has no size
    if (const auto pattern = python_pattern(read_text(file))) {
      return nlohmann::json{
          {"type", "Split"}, {"pattern", {{"Regex", *pattern}}}, {"behavior", "Isolated"}};
    }
  }
  return std::nullopt;
}

}  // namespace convert
