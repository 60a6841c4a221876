// gguf/: the container. Reads through a bounded cursor, writes under a temporary name, knows split
// sets. It must not know what a tensor is for. Source: docs/spec/gguf.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gguf {

/// Value type ids of the format; also the index of the alternative inside Value.
enum class ValueType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  str,
  arr,
  u64,
  i64,
  f64
};
std::string_view type_name(ValueType type) noexcept;

/// A packed array of one element type. Strings live in `strings`, all else in `fixed`
/// (little-endian).
struct Array {
  ValueType type = ValueType::u32;
  std::vector<std::byte> fixed;
  std::vector<std::string> strings;

  std::size_t size() const noexcept;
  /// Element i as a wide integer / float. Throws Fault::bad_file if the type is of another class.
  std::int64_t integer(std::size_t i) const;
  double number(std::size_t i) const;
  static Array of_strings(std::vector<std::string> items);
  static Array of_i32(std::span<const std::int32_t> items);
  static Array of_u32(std::span<const std::uint32_t> items);
  static Array of_f32(std::span<const float> items);
  static Array of_flags(const std::vector<bool>& items);
  friend bool operator==(const Array&, const Array&) = default;
};

using Value = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
                           std::int32_t, float, bool, std::string, Array, std::uint64_t,
                           std::int64_t, double>;

inline ValueType type_of(const Value& v) noexcept { return static_cast<ValueType>(v.index()); }

/// One line for people: strings cut after `limit` bytes, arrays as "[a, b, ...] (n)".
std::string to_text(const Value& v, std::size_t limit = 60);

/// The key/value section, in file order, keys unique.
class Metadata {
 public:
  using Pair = std::pair<std::string, Value>;

  Metadata() = default;
  /// Keys must be unique; the reader checks.
  explicit Metadata(std::vector<Pair> pairs) : pairs_(std::move(pairs)) {}

  const std::vector<Pair>& pairs() const noexcept { return pairs_; }
  const Value* find(std::string_view key) const noexcept;
  bool has(std::string_view key) const noexcept { return find(key) != nullptr; }

  /// Replaces the value in place if the key exists, else appends.
  void set(std::string_view key, Value value);
  /// True if the key was there.
  bool erase(std::string_view key);

  // Typed access (docs/spec/gguf.md 1.3): any integer type for integers if the value fits, f32 and
  // f64 for floats. Absent: nullopt. Present with another type: Fault::bad_file naming key, found,
  // expected.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  const Array* array(std::string_view key) const;

 private:
  std::vector<Pair> pairs_;
};

}  // namespace gguf
