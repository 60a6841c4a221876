#include "gguf/split.h"

#include <fmt/format.h>

#include <charconv>

#include "base/error.h"
#include "gguf/layout.h"

namespace gguf {
namespace {

std::int64_t required(const Metadata& metadata, std::string_view key, std::int64_t max) {
  const std::optional<std::int64_t> v = metadata.integer(key);
  if (!v) {
    throw base::Error(base::Fault::bad_file, "metadata key of a split set is missing")
        .at("key", key)
        .at("found", "no such key")
        .expected(fmt::format("an integer from 0 to {}", max));
  }
  if (*v < 0 || *v > max) {
    throw base::Error(base::Fault::bad_file, "metadata key of a split set is out of range")
        .at("key", key)
        .at("found", *v)
        .expected(fmt::format("0 to {}", max));
  }
  return *v;
}

}  // namespace

std::optional<SplitKeys> split_keys(const Metadata& metadata) {
  if (!metadata.has(kSplitCount)) return std::nullopt;
  const std::int64_t count = required(metadata, kSplitCount, kMaxShards);
  if (count <= 1) return std::nullopt;
  SplitKeys keys;
  keys.count = static_cast<std::uint32_t>(count);
  keys.no = static_cast<std::uint32_t>(required(metadata, kSplitNo, count - 1));
  keys.n_tensors = static_cast<std::uint64_t>(
      required(metadata, kSplitTensors, static_cast<std::int64_t>(kMaxEntries)));
  return keys;
}

void set_split_keys(Metadata& metadata, const SplitKeys& keys) {
  metadata.set(kSplitNo, static_cast<std::uint16_t>(keys.no));
  metadata.set(kSplitCount, static_cast<std::uint16_t>(keys.count));
  metadata.set(kSplitTensors, static_cast<std::int32_t>(keys.n_tensors));
}

void erase_split_keys(Metadata& metadata) {
  for (const std::string_view key : {kSplitNo, kSplitCount, kSplitTensors}) metadata.erase(key);
}

std::string shard_name(std::string_view prefix, std::uint32_t no, std::uint32_t count) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, no + 1, count);
}

std::optional<std::string> shard_prefix(std::string_view name, std::uint32_t no,
                                        std::uint32_t count) {
  const std::string suffix = shard_name("", no, count);
  if (name.size() < suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  return std::string(name.substr(0, name.size() - suffix.size()));
}

std::optional<ShardNumber> shard_number(std::string_view name) {
  constexpr std::size_t kDigits = 5;
  constexpr std::size_t kTail = std::string_view("00001-of-00003.gguf").size();
  if (name.size() <= kTail) return std::nullopt;
  const char* tail = name.data() + name.size() - kTail;
  ShardNumber out;
  std::from_chars(tail, tail + kDigits, out.no);
  std::from_chars(tail + kDigits + 4, tail + 2 * kDigits + 4, out.count);
  if (out.no == 0 || out.no > out.count || out.count > kMaxShards) return std::nullopt;
  --out.no;
  // Also that the rest of the name is as it must be.
  if (!shard_prefix(name, out.no, out.count)) return std::nullopt;
  return out;
}

}  // namespace gguf
