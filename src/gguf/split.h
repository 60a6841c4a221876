// Names and keys of split sets. Source: docs/spec/gguf.md, section 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gguf/value.h"

namespace gguf {

/// What a shard says about the set it belongs to.
struct SplitKeys {
  std::uint32_t no = 0;     ///< 0-based number of the shard
  std::uint32_t count = 0;  ///< shards in the set, > 1
  std::uint64_t n_tensors = 0;
};

/// Most shards that we read or write.
constexpr std::uint32_t kMaxShards = 10000;

/// Nullopt if the file is not part of a set (no split.count, or 0 or 1: the public merge tool
/// leaves a 0). Throws Fault::bad_file if the keys are incomplete, of a wrong type or out of range.
std::optional<SplitKeys> split_keys(const Metadata& metadata);

/// Adds split.no (u16), split.count (u16) and split.tensors.count (i32), in this order.
void set_split_keys(Metadata& metadata, const SplitKeys& keys);

/// Removes the three keys.
void erase_split_keys(Metadata& metadata);

/// "PREFIX-00001-of-00003.gguf" for no = 0, count = 3.
std::string shard_name(std::string_view prefix, std::uint32_t no, std::uint32_t count);

/// What stands before "-00001-of-00003.gguf"; nullopt if the name does not end exactly so.
std::optional<std::string> shard_prefix(std::string_view name, std::uint32_t no,
                                        std::uint32_t count);

/// What the name of a shard says of its place in the set.
struct ShardNumber {
  std::uint32_t no = 0;  ///< 0-based
  std::uint32_t count = 0;
};
/// Nullopt if the name does not end in "-00001-of-00003.gguf" with numbers that fit each other.
std::optional<ShardNumber> shard_number(std::string_view name);

}  // namespace gguf
