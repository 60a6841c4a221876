#include "cli/text_table.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/printable.h"

namespace cli {
namespace {

/// `n` with three decimals less per power of 1000 and the prefix of that power.
std::string scaled(std::uint64_t n, std::string_view unit) {
  constexpr std::string_view kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  double value = static_cast<double>(n);
  std::size_t power = 0;
  while (value >= 999.995 && power + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++power;
  }
  if (power == 0) return fmt::format("{}{}{}", n, unit.empty() ? "" : " ", unit);
  const int decimals = value < 99.995 ? 2 : 1;
  return fmt::format("{:.{}f} {}{}", value, decimals, kPrefixes[power], unit);
}

}  // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80;
  }));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    std::string& line = lines.back();
    if (!line.empty() && width_of(line) + 1 + width_of(word) > width) {
      lines.emplace_back(word);
    } else {
      line += (line.empty() ? "" : " ") + std::string(word);
    }
    if (end < text.size() && text[end] == '\n') lines.emplace_back();
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return lines;
}

std::string names_text(std::string_view what, const std::vector<std::string>& names,
                       std::size_t width) {
  constexpr std::size_t kMost = 8, kIndent = 2;
  if (names.empty()) return "";
  std::string text = fmt::format("{} {}:", what, counted(names.size(), "tensor"));
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) {
    text += " " + base::printable(names[i]);
  }
  if (names.size() > kMost) text += " ...";
  std::string out;
  const std::size_t room = width > kIndent ? width - kIndent : SIZE_MAX;
  for (const std::string& line : wrapped(text, room)) {
    out += (out.empty() ? "" : std::string(kIndent, ' ')) + line + "\n";
  }
  return out;
}

std::string TextTable::text(std::size_t indent, std::size_t width) const {
  const std::size_t n_columns = alignment_.size();
  std::vector<std::size_t> widths(n_columns);
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < n_columns; ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::vector<bool> shown(n_columns, true);
  // Where the last column begins: the others with their gaps.
  const auto start_of_last = [&] {
    std::size_t at = indent;
    for (std::size_t c = 0; c + 1 < n_columns; ++c) at += shown[c] ? widths[c] + 2 : 0;
    return at;
  };
  for (const std::size_t c : may_lack_) {
    if (width == 0 || start_of_last() + widths.back() <= width) break;
    shown[c] = false;
  }
  constexpr std::size_t kLeast = 16;  // a last column of less is not worth breaking
  const std::size_t last = start_of_last();
  const bool breaks =
      alignment_.back() == 'l' && width >= last + kLeast && width < last + widths.back();
  std::string out;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t c = 0; c + 1 < n_columns; ++c) {
      if (!shown[c]) continue;
      const std::string blanks(widths[c] - width_of(row[c]), ' ');
      line += (alignment_[c] == 'r' ? blanks + row[c] : row[c] + blanks) + "  ";
    }
    const bool right = alignment_.back() == 'r';
    line += std::string(right ? widths.back() - width_of(row.back()) : 0, ' ');
    for (const std::string& part :
         breaks ? wrapped(row.back(), width - last) : std::vector{row.back()}) {
      line += part;
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
      line = std::string(last, ' ');
    }
  }
  return out;
}

std::size_t columns(std::size_t otherwise) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
  return size.ws_col;
}

std::string bytes_text(std::uint64_t bytes) { return scaled(bytes, "B"); }
std::string count_text(std::uint64_t n) { return scaled(n, ""); }

std::string counted(std::uint64_t n, std::string_view word) {
  return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s");
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace cli
