// Tables for terminals, and numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// Width of the terminal that stdout is, or `otherwise` if it is none.
std::size_t columns(std::size_t otherwise);

/// Characters of valid UTF-8 (continuation bytes are not counted).
std::size_t width_of(std::string_view text);

/// Breaks `text` at blanks into lines of at most `width` characters; its own line ends stay, longer
/// words stand alone. At least one line.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// "WHAT 12 tensors: a b c ..." with at most eight of the names, below `what`'s second character on
/// a narrower terminal (`width` columns, 0 = any). With a line end; "" if there are no names.
std::string names_text(std::string_view what, const std::vector<std::string>& names,
                       std::size_t width = columns(0));

/// Columns padded to their widest cell; the first row is the heading.
class TextTable {
 public:
  /// One letter a column: 'l' left, 'r' right.
  explicit TextTable(std::string alignment) : alignment_(std::move(alignment)) {}

  /// At most as many cells as columns; those that lack are empty.
  void add(std::vector<std::string> row) {
    row.resize(alignment_.size());
    rows_.push_back(std::move(row));
  }
  std::size_t size() const noexcept { return rows_.size(); }
  /// Columns that a narrower terminal does without, the first of these first, until the rest fits.
  void may_lack(std::vector<std::size_t> columns) { may_lack_ = std::move(columns); }
  /// Lines with line ends, each indented; no blanks at line ends. On a narrower terminal (`width`
  /// columns, 0 = any) columns that it may lack are left out, then a last column of words is broken
  /// at blanks, below its own start.
  std::string text(std::size_t indent = 2, std::size_t width = columns(0)) const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> may_lack_;
};

/// "36.02 MB": powers of ten, three or four digits.
std::string bytes_text(std::uint64_t bytes);
/// "17.98 M", for counts of weights.
std::string count_text(std::uint64_t n);
/// "1 chunk", "2 chunks": for words that take an s.
std::string counted(std::uint64_t n, std::string_view word);
/// "12.3 %".
std::string share_text(std::uint64_t part, std::uint64_t whole);

}  // namespace cli
