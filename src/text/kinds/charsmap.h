#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/value.h"

namespace text {

/// The normalizer of SentencePiece: byte strings and what replaces them, in a compressed double
/// array. Source: docs/spec/tokenizers.md 7.1.
class CharsMap {
 public:
  CharsMap() = default;  ///< replaces nothing
  /// Throws Fault::bad_file if the sizes contradict each other or a replacement is not terminated.
  explicit CharsMap(const gguf::Array& blob);

  struct Match {
    std::size_t length;  ///< bytes of the text that are replaced
    std::string_view replacement;
  };
  /// The longest entry that begins `text`. Throws Fault::bad_file if the array points outside,
  /// and for entries and replacements of more than 256 bytes.
  std::optional<Match> longest(std::string_view text) const;

 private:
  std::uint32_t entry(std::uint32_t node) const;
  std::string_view replacement_at(std::size_t offset) const;

  std::vector<std::uint32_t> array_;
  std::string replacements_;
};

}  // namespace text
