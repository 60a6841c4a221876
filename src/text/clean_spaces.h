#pragma once

#include <string>
#include <string_view>

namespace text {

/// Removes the blanks that word-wise tokenizers leave before punctuation and contractions.
/// Source: docs/spec/tokenizers.md 8.3.
std::string clean_spaces(std::string_view text);

}  // namespace text
