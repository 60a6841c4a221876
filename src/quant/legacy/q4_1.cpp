// q4_1: 32 weights share an f16 scale and an f16 offset, 4-bit codes; 5 bits per weight.
// Source: docs/spec/types/basic.md, "Q4_1".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using legacy::AffineFormat, legacy::check_scales, legacy::encode_affine, legacy::kElems,
    legacy::pack_nibbles, legacy::spread_nibbles;

constexpr std::size_t kBytes = 2 + 2 + 16;  // scale, offset, nibbles

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    alignas(32) std::uint8_t codes[kElems];
    store_bytes32(codes, spread_nibbles(block + 4));
    shift_codes<kElems>(codes, base::load_f16(block), base::load_f16(block + 2),
                        out.data() + b * kElems);
  }
}

void pack(std::uint16_t scale, std::uint16_t offset, const std::uint8_t* codes,
          std::byte* out) noexcept {
  base::store(out, scale);
  base::store(out + 2, offset);
  pack_nibbles(codes, out + 4);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr AffineFormat format{.high = 15, .block_bytes = kBytes, .pack = pack, .decode = decode};
  encode_affine(in, out, format);
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_scales(in, kBytes, 2);
}

}  // namespace

const Codec q4_1{.id = 3,
                 .name = "q4_1",
                 .family = Family::legacy,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q4_1",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
