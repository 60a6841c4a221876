// Regular expressions over tensor names. PCRE2 stands behind this file: std::regex is slow and
// overflows the stack on hostile patterns.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace recipe {

/// One compiled expression, ECMAScript spelling, searched anywhere in the text, case-sensitive.
class Pattern {
 public:
  /// Throws Fault::bad_usage naming the expression, the position and what is wrong with it.
  explicit Pattern(std::string text);

  /// Throws Fault::bad_usage if the expression needs an unreasonable number of steps.
  bool search(std::string_view text) const;
  const std::string& text() const noexcept { return text_; }

 private:
  struct Compiled;
  std::string text_;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace recipe
