// Forms of values that several option tables name.
#pragma once

#include "cli/values.h"

namespace cli {

/// Reads as a size: "20G". Never throws.
bool is_size(const std::string& text);

inline constexpr Values kSize = form("bytes, or a number with K, M, G or T", is_size);
// These are read by the commands, whose messages say more than a table could.
inline constexpr Values kExpression = form("a regular expression");
inline constexpr Values kType = form("a tensor type");
inline constexpr Values kRule = form("NAME=TYPE");
inline constexpr Values kRules = form("REGEX=TYPE, several between commas");

}  // namespace cli
