#include "cli/text_table.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace cli {
namespace {

/// Characters of valid UTF-8 (continuation bytes are not counted).
std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80;
  }));
}

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

std::string TextTable::text(std::size_t indent) const {
  std::vector<std::size_t> widths(alignment_.size());
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string blanks(widths[c] - width_of(row[c]), ' ');
      line += c == 0 ? "" : "  ";
      line += alignment_[c] == 'r' ? blanks + row[c] : row[c] + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
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

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace cli
