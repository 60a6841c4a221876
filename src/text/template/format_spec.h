#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "text/template/value.h"

namespace text::jinja {

/// How one value is set: Python's [[fill]align][sign][#][0][width][,][.precision][type].
struct FormatSpec {
  std::string fill = " ";
  char align = 0;   ///< < > ^ =, or 0: texts to the left, numbers to the right
  char sign = '-';  ///< + - or a space
  bool alternate = false;
  std::size_t width = 0;
  char grouping = 0;  ///< , or _
  std::optional<std::size_t> precision = {};
  char type = 0;
};

/// Widest field and most digits, so that a template cannot ask for endless text.
constexpr std::size_t kMaxFormatWidth = 1000;

/// Throws for what is no specification.
FormatSpec parse_format_spec(std::string_view text);

/// Texts for type s and none; d b o x X c of whole numbers; e f g % of all numbers. Throws for
/// other pairs of value and type.
std::string formatted(const Value& value, const FormatSpec& spec);

/// Text at its place in a field of `spec.width` characters.
std::string padded(std::string text, const FormatSpec& spec);

}  // namespace text::jinja
