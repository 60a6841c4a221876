// The one file of this folder that knows PCRE2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convert {

/// An expression of a published tokenizer over Unicode text. Immutable.
class HfRegex {
 public:
  /// [A&&[^B]] is what is in A and not in B, as in the engines of the originals. Throws
  /// Fault::unsupported with expression and offset for what PCRE2 does not know, and for more than
  /// 64 KiB.
  explicit HfRegex(const std::string& pattern);
  ~HfRegex();
  HfRegex(HfRegex&&) noexcept;
  HfRegex& operator=(HfRegex&&) = delete;

  /// Begin and end of every match that is not empty, in bytes, left to right. `text` must be valid
  /// UTF-8. Throws Fault::unsupported if the expression needs too many steps.
  std::vector<std::pair<std::size_t, std::size_t>> matches(std::string_view text) const;

  /// The expression with its case-insensitive groups (?i:...) written out: (?:'[sS]|...).
  static std::string without_case_groups(std::string_view pattern);

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace convert
