#include "gguf/read_value.h"

#include <fmt/format.h>

#include "base/checked.h"
#include "base/printable.h"
#include "gguf/layout.h"

namespace gguf {
namespace {

constexpr std::uint32_t kLastType = static_cast<std::uint32_t>(ValueType::f64);

base::Error bad(std::string message, std::size_t offset) {
  return base::Error(base::Fault::bad_file, std::move(message)).at("offset", offset);
}

ValueType read_type(base::Cursor& in, std::string_view what) {
  const std::size_t offset = in.position();
  const auto id = in.read<std::uint32_t>(what);
  if (id > kLastType) {
    throw bad(fmt::format("unknown {}", what), offset)
        .at("found", id)
        .expected(fmt::format("0 to {}", kLastType))
        .hint("written by a newer program, or damaged");
  }
  return static_cast<ValueType>(id);
}

void check_bools(std::span<const std::byte> bytes, std::size_t offset) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (const auto b = std::to_integer<unsigned>(bytes[i]); b > 1) {
      throw bad("bool is neither 0 nor 1", offset + i).at("found", b).expected("0 or 1");
    }
  }
}

/// The element count of an array, compared with what the file can hold.
std::size_t read_count(base::Cursor& in, ValueType element) {
  const std::size_t offset = in.position();
  const auto n = in.read<std::uint64_t>("array length");
  if (n > kMaxArrayElements) {
    throw bad("array is too long", offset)
        .at("found", n)
        .expected(fmt::format("at most {} elements", kMaxArrayElements));
  }
  const std::size_t size = element == ValueType::str ? 8 : fixed_size(element);
  if (n > in.left() / size) {
    throw bad("array is longer than the rest of the file", offset)
        .at("found", fmt::format("{} elements", n))
        .expected(fmt::format("at most {} ({} bytes left)", in.left() / size, in.left()))
        .hint("the file is truncated or damaged");
  }
  return n;
}

std::string_view read_charged(base::Cursor& in, HeaderMemory& memory, std::string_view what) {
  const std::size_t offset = in.position();
  const std::string_view text = read_string(in, what);
  memory.take(text.size(), offset);
  return text;
}

Array read_array(base::Cursor& in, HeaderMemory& memory) {
  const std::size_t offset = in.position();
  Array a;
  a.type = read_type(in, "array element type");
  if (a.type == ValueType::arr) {
    throw bad("array of arrays", offset).at("found", "arr").expected("a scalar element type");
  }
  const std::size_t n = read_count(in, a.type);
  if (a.type == ValueType::str) {
    memory.take(n * sizeof(std::string), offset);
    a.strings.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
      a.strings.emplace_back(read_charged(in, memory, "array string"));
    }
    return a;
  }
  memory.take(n * fixed_size(a.type), offset);
  const std::size_t start = in.position();
  const auto bytes = in.take(n * fixed_size(a.type), "array");
  if (a.type == ValueType::boolean) check_bools(bytes, start);
  a.fixed.assign(bytes.begin(), bytes.end());
  return a;
}

Value read_bool(base::Cursor& in, HeaderMemory&) {
  const std::size_t offset = in.position();
  const auto byte = in.take(1, "value");
  check_bools(byte, offset);
  return byte[0] != std::byte{0};
}

template <class T>
Value read_scalar(base::Cursor& in, HeaderMemory&) {
  return in.read<T>("value");
}

using ReadValue = Value (*)(base::Cursor&, HeaderMemory&);
// In the order of ValueType.
constexpr ReadValue kReaders[] = {
    read_scalar<std::uint8_t>,
    read_scalar<std::int8_t>,
    read_scalar<std::uint16_t>,
    read_scalar<std::int16_t>,
    read_scalar<std::uint32_t>,
    read_scalar<std::int32_t>,
    read_scalar<float>,
    read_bool,
    [](base::Cursor& in, HeaderMemory& memory) -> Value {
      return std::string(read_charged(in, memory, "string value"));
    },
    [](base::Cursor& in, HeaderMemory& memory) -> Value { return read_array(in, memory); },
    read_scalar<std::uint64_t>,
    read_scalar<std::int64_t>,
    read_scalar<double>,
};

}  // namespace

std::string_view read_string(base::Cursor& in, std::string_view what) {
  const std::size_t offset = in.position();
  const auto length = in.read<std::uint64_t>(fmt::format("length of {}", what));
  if (length > kMaxStringBytes) {
    throw bad(fmt::format("{} is too long", what), offset)
        .at("found", fmt::format("{} bytes", length))
        .expected(fmt::format("at most {} bytes", kMaxStringBytes));
  }
  const auto bytes = in.take(length, what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace {
void check_name(std::string_view name, const NameRule& rule, std::size_t offset) {
  const std::string expected = fmt::format("1 to {} bytes", rule.max_bytes);
  if (name.empty()) {
    throw bad(fmt::format("{} is empty", rule.what), offset)
        .at("found", "0 bytes")
        .expected(expected);
  }
  if (name.size() > rule.max_bytes) {
    throw bad(fmt::format("{} is too long", rule.what), offset)
        .at("found", fmt::format("{} bytes", name.size()))
        .expected(expected);
  }
  if (const std::size_t nul = name.find('\0'); nul != std::string_view::npos) {
    throw bad(fmt::format("{} contains a NUL byte", rule.what), offset + 8 + nul)
        .at("found", base::printable(name))
        .expected("no NUL byte");
  }
}
}  // namespace

std::string_view read_name(base::Cursor& in, const NameRule& rule, std::size_t i, std::size_t n) {
  const std::size_t offset = in.position();
  try {
    const std::string_view name = read_string(in, rule.what);
    check_name(name, rule, offset);
    return name;
  } catch (base::Error& e) {
    e.at(rule.fact, fmt::format("number {} of {}", i + 1, n));
    throw;
  }
}

void HeaderMemory::take(std::uint64_t bytes, std::size_t offset) {
  if (bytes > kMaxHeaderMemory - taken_) {
    throw bad("metadata and tensor list need too much memory", offset)
        .at("found", fmt::format("{} bytes and more", taken_ + bytes))
        .expected(fmt::format("at most {}", kMaxHeaderMemory))
        .hint("no model needs that much: the header is damaged");
  }
  taken_ += bytes;
}

Value read_value(base::Cursor& in, HeaderMemory& memory) {
  const ValueType type = read_type(in, "value type");
  return kReaders[static_cast<std::size_t>(type)](in, memory);
}

}  // namespace gguf
