// Little-endian loads and stores on unaligned bytes, and a bounded cursor for bytes from outside.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/half.h"

namespace base {

static_assert(std::endian::native == std::endian::little,
              "all loads are written for little-endian");

template <class T>
T load(const std::byte* p) noexcept {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
void store(std::byte* p, T v) noexcept {
  std::memcpy(p, &v, sizeof v);
}

inline std::uint8_t load_u8(const std::byte* p) noexcept {
  return std::to_integer<std::uint8_t>(*p);
}
inline std::int8_t load_i8(const std::byte* p) noexcept { return load<std::int8_t>(p); }
inline std::uint16_t load_u16(const std::byte* p) noexcept { return load<std::uint16_t>(p); }
inline std::uint32_t load_u32(const std::byte* p) noexcept { return load<std::uint32_t>(p); }
inline float load_f32(const std::byte* p) noexcept { return load<float>(p); }
inline float load_f16(const std::byte* p) noexcept { return f16_to_f32(load_u16(p)); }
inline float load_bf16(const std::byte* p) noexcept { return bf16_to_f32(load_u16(p)); }
inline void store_u8(std::byte* p, std::uint32_t v) noexcept { *p = static_cast<std::byte>(v); }
inline void store_f16(std::byte* p, float v) noexcept { store(p, f32_to_f16(v)); }

/// Reads a run of bytes front to back. Every read checks what is left and throws Fault::bad_file
/// with the offset (counted from the start of the span plus `base_offset`).
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes, std::size_t base_offset = 0) noexcept
      : bytes_(bytes), base_(base_offset) {}

  std::size_t position() const noexcept { return base_ + at_; }
  std::size_t left() const noexcept { return bytes_.size() - at_; }

  template <class T>
  T read(std::string_view what) {
    return load<T>(take(sizeof(T), what).data());
  }
  /// The next n bytes; a view into the original span.
  std::span<const std::byte> take(std::size_t n, std::string_view what) {
    if (n > left()) {
      throw Error(Fault::bad_file, "file ends inside " + std::string(what))
          .at("offset", position())
          .at("found", std::to_string(left()) + " bytes left")
          .at("expected", std::to_string(n) + " bytes")
          .hint("the file is truncated or damaged");
    }
    const auto piece = bytes_.subspan(at_, n);
    at_ += n;
    return piece;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t base_;
  std::size_t at_ = 0;
};

}  // namespace base
