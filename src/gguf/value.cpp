#include "gguf/value.h"

#include <fmt/format.h>

#include <limits>

#include "base/bytes.h"
#include "base/error.h"
#include "base/printable.h"
#include "gguf/layout.h"

namespace gguf {
namespace {

constexpr std::string_view kTypeNames[] = {"u8",   "i8",  "u16", "i16", "u32", "i32", "f32",
                                           "bool", "str", "arr", "u64", "i64", "f64"};
// Bytes of a value; 0 = variable.
constexpr std::size_t kFixedSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

base::Error wrong_type(std::string_view found, std::string_view expected) {
  return base::Error(base::Fault::bad_file, "metadata value has the wrong type")
      .at("found", found)
      .expected(expected);
}

std::int64_t narrow_u64(std::uint64_t v) {
  if (v > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw base::Error(base::Fault::bad_file, "metadata value is too large")
        .at("found", v)
        .expected("at most 2^63 - 1");
  }
  return static_cast<std::int64_t>(v);
}

template <class T>
Array array_of(ValueType type, std::span<const T> items) {
  Array a;
  a.type = type;
  a.fixed.resize(items.size_bytes());
  if (!items.empty()) std::memcpy(a.fixed.data(), items.data(), items.size_bytes());
  return a;
}

}  // namespace

std::string_view type_name(ValueType type) noexcept {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::size_t fixed_size(ValueType type) noexcept {
  return kFixedSizes[static_cast<std::size_t>(type)];
}

std::size_t Array::size() const noexcept {
  return type == ValueType::str ? strings.size() : fixed.size() / fixed_size(type);
}

std::int64_t Array::integer(std::size_t i) const {
  const std::byte* p = fixed.data() + i * fixed_size(type);
  switch (type) {
    case ValueType::u8:
    case ValueType::boolean:
      return base::load<std::uint8_t>(p);
    case ValueType::i8:
      return base::load<std::int8_t>(p);
    case ValueType::u16:
      return base::load<std::uint16_t>(p);
    case ValueType::i16:
      return base::load<std::int16_t>(p);
    case ValueType::u32:
      return base::load<std::uint32_t>(p);
    case ValueType::i32:
      return base::load<std::int32_t>(p);
    case ValueType::u64:
      return narrow_u64(base::load<std::uint64_t>(p));
    case ValueType::i64:
      return base::load<std::int64_t>(p);
    default:
      throw wrong_type(fmt::format("array of {}", type_name(type)), "array of integers");
  }
}

double Array::number(std::size_t i) const {
  const std::byte* p = fixed.data() + i * fixed_size(type);
  if (type == ValueType::f32) return static_cast<double>(base::load<float>(p));
  if (type == ValueType::f64) return base::load<double>(p);
  throw wrong_type(fmt::format("array of {}", type_name(type)), "array of floats");
}

Array Array::of_strings(std::vector<std::string> items) {
  Array a;
  a.type = ValueType::str;
  a.strings = std::move(items);
  return a;
}
Array Array::of_i32(std::span<const std::int32_t> items) { return array_of(ValueType::i32, items); }
Array Array::of_u32(std::span<const std::uint32_t> items) {
  return array_of(ValueType::u32, items);
}
Array Array::of_f32(std::span<const float> items) { return array_of(ValueType::f32, items); }
Array Array::of_flags(const std::vector<bool>& items) {
  const std::vector<std::uint8_t> bytes(items.begin(), items.end());
  return array_of(ValueType::boolean, std::span<const std::uint8_t>(bytes));
}

namespace {

std::string element_text(const Array& a, std::size_t i, std::size_t limit) {
  switch (a.type) {
    case ValueType::str:
      return '"' + base::printable(a.strings[i], limit) + '"';
    case ValueType::boolean:
      return a.integer(i) != 0 ? "true" : "false";
    case ValueType::f32:
      return fmt::format("{}", static_cast<float>(a.number(i)));
    case ValueType::f64:
      return fmt::format("{}", a.number(i));
    case ValueType::u64:
      return fmt::format("{}", base::load<std::uint64_t>(a.fixed.data() + i * 8));
    default:
      return fmt::format("{}", a.integer(i));
  }
}

std::string array_text(const Array& a, std::size_t limit) {
  std::string out = "[";
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::string item = (i == 0 ? "" : ", ") + element_text(a, i, limit);
    if (i > 0 && out.size() + item.size() > limit) {
      out += ", ...";
      break;
    }
    out += item;
  }
  return out + fmt::format("] ({})", a.size());
}

}  // namespace

std::string to_text(const Value& v, std::size_t limit) {
  return std::visit(
      [limit](const auto& x) -> std::string {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return base::printable(x, limit);
        } else if constexpr (std::is_same_v<T, Array>) {
          return array_text(x, limit);
        } else if constexpr (sizeof(T) == 1 && !std::is_same_v<T, bool>) {
          return fmt::format("{}", static_cast<int>(x));
        } else {
          return fmt::format("{}", x);
        }
      },
      v);
}

const Value* Metadata::find(std::string_view key) const noexcept {
  for (const Pair& p : pairs_) {
    if (p.first == key) return &p.second;
  }
  return nullptr;
}

void Metadata::set(std::string_view key, Value value) {
  for (Pair& p : pairs_) {
    if (p.first == key) {
      p.second = std::move(value);
      return;
    }
  }
  pairs_.emplace_back(std::string(key), std::move(value));
}

bool Metadata::erase(std::string_view key) {
  return std::erase_if(pairs_, [&](const Pair& p) { return p.first == key; }) > 0;
}

namespace {

std::int64_t scalar_integer(const Value& v) {
  return std::visit(
      [&v](const auto& x) -> std::int64_t {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, std::uint64_t>) {
          return narrow_u64(x);
        } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
          return x;
        } else {
          throw wrong_type(type_name(type_of(v)), "an integer");
        }
      },
      v);
}

double scalar_number(const Value& v) {
  if (const float* f = std::get_if<float>(&v)) return static_cast<double>(*f);
  if (const double* d = std::get_if<double>(&v)) return *d;
  throw wrong_type(type_name(type_of(v)), "f32 or f64");
}

/// `read(value)` with the key added to its errors; nullopt if the key is absent.
template <class Read>
auto typed(const Metadata& metadata, std::string_view key, Read read)
    -> std::optional<decltype(read(std::declval<const Value&>()))> {
  const Value* v = metadata.find(key);
  if (v == nullptr) return std::nullopt;
  try {
    return read(*v);
  } catch (base::Error& e) {
    e.at("key", key);
    throw;
  }
}

template <class T>
const T& exactly(const Value& v, std::string_view expected) {
  if (const T* x = std::get_if<T>(&v)) return *x;
  throw wrong_type(type_name(type_of(v)), expected);
}

}  // namespace

std::optional<std::int64_t> Metadata::integer(std::string_view key) const {
  return typed(*this, key, scalar_integer);
}
std::optional<double> Metadata::number(std::string_view key) const {
  return typed(*this, key, scalar_number);
}
std::optional<bool> Metadata::boolean(std::string_view key) const {
  return typed(*this, key, [](const Value& v) { return exactly<bool>(v, "bool"); });
}
std::optional<std::string_view> Metadata::string(std::string_view key) const {
  return typed(*this, key,
               [](const Value& v) { return std::string_view(exactly<std::string>(v, "str")); });
}
const Array* Metadata::array(std::string_view key) const {
  return typed(*this, key, [](const Value& v) { return &exactly<Array>(v, "arr"); })
      .value_or(nullptr);
}

}  // namespace gguf
