// Tables for terminals, and numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

/// Columns padded to their widest cell; the first row is the heading.
class TextTable {
 public:
  /// One letter a column: 'l' left, 'r' right.
  explicit TextTable(std::string alignment) : alignment_(std::move(alignment)) {}

  /// As many cells as columns.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::size_t size() const noexcept { return rows_.size(); }
  /// Lines with line ends, each indented; no blanks at line ends.
  std::string text(std::size_t indent = 2) const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

/// Width of the terminal that stdout is, or `otherwise` if it is none.
std::size_t columns(std::size_t otherwise);

/// "36.02 MB": powers of ten, three or four digits.
std::string bytes_text(std::uint64_t bytes);
/// "17.98 M", for counts of weights.
std::string count_text(std::uint64_t n);
/// "12.3 %".
std::string share_text(std::uint64_t part, std::uint64_t whole);

}  // namespace cli
