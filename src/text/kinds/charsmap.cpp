#include "text/kinds/charsmap.h"

#include <fmt/format.h>

#include <cstring>

#include "base/bytes.h"
#include "base/error.h"

namespace text {
namespace {

constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
// Published maps stay below 40 bytes on both sides. Without bounds a ring in the array walks to the
// end of the text from each of its places, and a replacement makes a text as large as it likes.
constexpr std::size_t kMaxKey = 256, kMaxReplacement = 256;

base::Error bad_map(const std::string& message) {
  return base::Error(base::Fault::bad_file, message).at("key", kKey);
}

// Parts of an entry of the double array.
std::uint32_t base_of(std::uint32_t e) noexcept { return (e >> 10) << ((e & (1U << 9)) >> 6); }
std::uint32_t check_of(std::uint32_t e) noexcept { return e & 0x800000FF; }
bool has_value(std::uint32_t e) noexcept { return (e >> 8 & 1) != 0; }
std::uint32_t value_of(std::uint32_t e) noexcept { return e & 0x7FFFFFFF; }

}  // namespace

CharsMap::CharsMap(const gguf::Array& blob) {
  if (blob.type != gguf::ValueType::u8 && blob.type != gguf::ValueType::i8) {
    throw bad_map("the normalizer is not a list of bytes").at("found", gguf::type_name(blob.type));
  }
  base::Cursor cursor(blob.fixed);
  if (blob.fixed.size() < 4) throw bad_map("the normalizer is too short");
  const auto bytes = cursor.read<std::uint32_t>("the normalizer's size");
  if (bytes > cursor.left() || bytes % 4 != 0) {
    throw bad_map("the normalizer's size is wrong")
        .at("found", bytes)
        .expected(fmt::format("a multiple of 4 up to {}", cursor.left()));
  }
  const auto list = cursor.take(bytes, "the normalizer");
  array_.resize(bytes / 4);
  for (std::size_t i = 0; i < array_.size(); ++i) array_[i] = base::load_u32(list.data() + 4 * i);
  const auto rest = cursor.take(cursor.left(), "replacements");
  for (const std::byte b : rest) replacements_.push_back(static_cast<char>(b));
  if (!replacements_.empty() && replacements_.back() != '\0') {
    throw bad_map("the last replacement is not terminated");
  }
}

std::uint32_t CharsMap::entry(std::uint32_t node) const {
  if (node < array_.size()) return array_[node];
  throw bad_map("the normalizer points outside itself")
      .at("found", node)
      .expected(fmt::format("below {}", array_.size()));
}

std::string_view CharsMap::replacement_at(std::size_t offset) const {
  if (offset >= replacements_.size()) {
    throw bad_map("a replacement lies outside the normalizer")
        .at("found", offset)
        .expected(fmt::format("below {}", replacements_.size()));
  }
  const char* const begin = replacements_.c_str() + offset;
  const std::size_t length = ::strnlen(begin, kMaxReplacement + 1);
  if (length > kMaxReplacement) {
    throw bad_map("a replacement of the normalizer is too long")
        .at("offset", offset)
        .expected(fmt::format("at most {} bytes", kMaxReplacement));
  }
  return {begin, length};
}

std::optional<CharsMap::Match> CharsMap::longest(std::string_view text) const {
  if (array_.empty()) return std::nullopt;
  std::optional<Match> best;
  std::uint32_t node = base_of(entry(0));
  for (std::size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
    if (i == kMaxKey) {
      throw bad_map("an entry of the normalizer is too long")
          .expected(fmt::format("at most {} bytes", kMaxKey));
    }
    const auto byte = static_cast<std::uint8_t>(text[i]);
    node ^= byte;
    const std::uint32_t e = entry(node);
    if (check_of(e) != byte) break;
    node ^= base_of(e);
    if (has_value(e)) {
      best = Match{.length = i + 1, .replacement = replacement_at(value_of(entry(node)))};
    }
  }
  return best;
}

}  // namespace text
