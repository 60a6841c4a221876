#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "text/pretokenize/code_point_set.h"

namespace text {

/// Maps code points to bytes so that a few given sets can still be told apart: ASCII stays, white
/// space outside ASCII becomes 0x0B (a rule of the public programs), and the rest falls into at
/// most 128 classes, 0x80 up. Expressions over the sets become expressions over bytes, which a
/// plain 8-bit matcher runs at full speed.
class Alphabet {
 public:
  /// Throws Fault::bad_input if the sets make more than 128 classes outside ASCII.
  explicit Alphabet(const std::vector<CodePointSet>& sets);

  std::uint8_t byte_of(char32_t code) const noexcept {
    return table_[std::size_t{pages_[code >> kPageBits]} << kPageBits | (code & kPageMask)];
  }
  /// Which bytes stand for members of one of the given sets.
  std::array<bool, 256> bytes_of(const CodePointSet& set) const noexcept;

 private:
  static constexpr unsigned kPageBits = 8;
  static constexpr char32_t kPageMask = (1U << kPageBits) - 1;

  std::vector<char32_t> samples_;     // one code point of each class
  std::vector<std::uint16_t> pages_;  // [code >> 8] -> page of table_
  std::vector<std::uint8_t> table_;   // pages of 256 bytes, equal pages once
};

}  // namespace text
