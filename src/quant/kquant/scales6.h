// The twelve bytes of q4_K and q5_K with eight 6-bit scales and eight 6-bit mins.
#pragma once

#include "base/bytes.h"

namespace quant::kquant {

struct Scales6 {
  std::uint8_t scale[8], min[8];
};

// Bytes 0-3: scales 0-3, top bits of scales 4-7 in bits 6-7; bytes 4-7: the same for mins;
// bytes 8-11: low nibbles of scales 4-7 (low) and of mins 4-7 (high).
inline Scales6 load_scales6(const std::byte* p) noexcept {
  Scales6 s;
  for (std::size_t j = 0; j < 4; ++j) {
    const unsigned a = base::load_u8(p + j), b = base::load_u8(p + 4 + j);
    const unsigned low = base::load_u8(p + 8 + j);
    s.scale[j] = static_cast<std::uint8_t>(a & 63);
    s.min[j] = static_cast<std::uint8_t>(b & 63);
    s.scale[j + 4] = static_cast<std::uint8_t>((low & 15) | (a >> 6) << 4);
    s.min[j + 4] = static_cast<std::uint8_t>(low >> 4 | (b >> 6) << 4);
  }
  return s;
}

inline void store_scales6(const std::uint8_t* scale, const std::uint8_t* min,
                          std::byte* p) noexcept {
  for (std::size_t j = 0; j < 4; ++j) {
    base::store_u8(p + j, scale[j] | static_cast<unsigned>(scale[j + 4] >> 4) << 6);
    base::store_u8(p + 4 + j, min[j] | static_cast<unsigned>(min[j + 4] >> 4) << 6);
    base::store_u8(p + 8 + j, (scale[j + 4] & 15u) | (min[j + 4] & 15u) << 4);
  }
}

}  // namespace quant::kquant
