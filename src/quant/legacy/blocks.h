// What the 32-blocks share: nibble order, encoders of the symmetric and the affine kind.
#pragma once

#include <cmath>

#include "base/bytes.h"
#include "quant/codec.h"
#include "quant/unpack.h"

namespace quant::legacy {

inline constexpr std::size_t kElems = 32;

/// Byte j of 16 holds the low nibbles of codes j (low half) and j + 16 (high half).
inline void pack_nibbles(const std::uint8_t* codes, std::byte* out) noexcept {
  for (std::size_t j = 0; j < 16; ++j) {
    base::store_u8(out + j, (codes[j] & 15u) | (codes[j + 16] & 15u) << 4);
  }
}

/// The codes of 16 bytes of nibbles, low nibbles first.
[[gnu::always_inline]] inline Bytes32 spread_nibbles(const std::byte* p) noexcept {
  const auto low = base::load<std::uint64_t>(p), high = base::load<std::uint64_t>(p + 8);
  return Bytes32{Bytes32::Words{low, high, low >> 4, high >> 4}} & every_byte(15);
}

/// Byte i is 16 where bit i is set, else 0.
[[gnu::always_inline]] inline Bytes32 spread_fifth_bits(std::uint32_t bits) noexcept {
  const auto eight = [bits](unsigned k) {
    // The byte in all eight places, bit j kept in place j, carried up to bit 7 of it.
    const std::uint64_t copies = 0x0101010101010101u * ((bits >> (8 * k)) & 255);
    const std::uint64_t kept = copies & 0x8040201008040201u;
    return ((kept + 0x00406070787c7e7fu) >> 3) & 0x1010101010101010u;
  };
  return {Bytes32::Words{eight(0), eight(1), eight(2), eight(3)}};
}

/// Bit i is bit 4 of code i.
inline std::uint32_t fifth_bits(const std::uint8_t* codes) noexcept {
  std::uint32_t bits = 0;
  for (unsigned i = 0; i < kElems; ++i) bits |= static_cast<std::uint32_t>(codes[i] >> 4) << i;
  return bits;
}

/// First block with one of its leading `fields` f16 numbers not finite.
std::optional<BadBlock> check_scales(std::span<const std::byte> in, std::size_t block_bytes,
                                     std::size_t fields) noexcept;

/// y = scale * q, q in low..high; pack gets the bits of the scale and 32 codes q - low.
struct SymmetricFormat {
  float low, high;
  std::size_t block_bytes;
  void (*pack)(std::uint16_t scale, const std::uint8_t* codes, std::byte* out) noexcept;
};
void encode_symmetric(const EncodeInput& in, std::span<std::byte> out,
                      const SymmetricFormat& format);

/// y = scale * q + offset, q in 0..high.
struct AffineFormat {
  float high;
  std::size_t block_bytes;
  void (*pack)(std::uint16_t scale, std::uint16_t offset, const std::uint8_t* codes,
               std::byte* out) noexcept;
  decltype(Codec::decode) decode;
};
void encode_affine(const EncodeInput& in, std::span<std::byte> out, const AffineFormat& format);

}  // namespace quant::legacy
