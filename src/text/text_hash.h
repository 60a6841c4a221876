#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace text {

/// A number of 64 bits for a short text, the same on every machine of one byte order; eight bytes a
/// step. Both halves are fit to be used by themselves.
inline std::uint64_t hash_text(std::string_view text) noexcept {
  const auto load = [](const char* p, std::size_t n) {
    std::uint64_t v = 0;
    std::memcpy(&v, p, n);
    return v;
  };
  const auto mix = [](std::uint64_t v) {
    v *= 0xD6E8FEB86659FD93ULL;
    return v ^ v >> 32;
  };
  std::uint64_t h = text.size() * 0x9E3779B97F4A7C15ULL;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left > 8; left -= 8, at += 8) h = mix(h ^ load(at, 8));
  return left == 0 ? mix(h) : mix(h ^ load(at, left));
}

}  // namespace text
