// Tab-separated tables that are embedded in the program.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace recipe {

using Fields = std::vector<std::string_view>;

/// Pieces between separators; an empty text gives one empty piece.
inline Fields split(std::string_view text, char separator) {
  Fields out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t end = text.find(separator, at);
    out.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return out;
    at = end + 1;
  }
}

/// Rows of a table without comment lines.
inline std::vector<Fields> table_rows(std::string_view text) {
  std::vector<Fields> rows;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty() && line.front() != '#') rows.push_back(split(line, '\t'));
  }
  return rows;
}

/// a == b, letters compared without case (ASCII).
inline bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

inline bool contains(std::string_view text, std::string_view piece) noexcept {
  return text.find(piece) != std::string_view::npos;
}

}  // namespace recipe
