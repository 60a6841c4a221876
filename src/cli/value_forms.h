// Forms of values that several option tables name.
#pragma once

#include <cstdint>
#include <string>

#include "cli/values.h"

namespace cli {

/// Reads as a size: "20G". Never throws.
bool is_size(const std::string& text);
/// Bytes of a shard: "300M", "2G". Throws Fault::bad_usage for anything else: a bare number, meant
/// as gigabytes, would make thousands of files.
std::uint64_t parse_shard_size(const std::string& text);

inline constexpr Values kSize = form("bytes, or a number with K, M, G or T", is_size);
inline constexpr Values kShardSize = form("a number from 1 to 1000000000 followed by M or G");
// These are read by the commands, whose messages say more than a table could.
inline constexpr Values kExpression = form("a regular expression");
inline constexpr Values kType = form("a tensor type");
inline constexpr Values kRule = form("NAME=TYPE");
inline constexpr Values kRules = form("REGEX=TYPE, several between commas");

}  // namespace cli
