#pragma once

#include <cstdint>
#include <vector>

namespace text {

constexpr char32_t kLastCodePoint = 0x10FFFF;

/// A set of code points as sorted, separate ranges, both ends included.
class CodePointSet {
 public:
  struct Range {
    char32_t first, last;
    friend bool operator==(const Range&, const Range&) = default;
  };

  CodePointSet() = default;
  CodePointSet(char32_t first, char32_t last) : ranges_{{first, last}} {}

  /// Every code point with any of these Category bits, except `~`, which the public programs put
  /// into no property class.
  static CodePointSet of_category(std::uint32_t bits);

  bool contains(char32_t code) const noexcept;
  CodePointSet united(const CodePointSet& other) const;
  CodePointSet intersected(const CodePointSet& other) const;
  CodePointSet inverted() const;

  const std::vector<Range>& ranges() const noexcept { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

}  // namespace text
