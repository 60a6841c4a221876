// q5_1: 32 weights share an f16 scale and an f16 offset, 5-bit codes; 6 bits per weight.
// Source: docs/spec/types/basic.md, "Q5_1".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using legacy::AffineFormat, legacy::check_scales, legacy::encode_affine, legacy::fifth_bits,
    legacy::kElems, legacy::pack_nibbles, legacy::spread_fifth_bits, legacy::spread_nibbles;

constexpr std::size_t kBytes = 2 + 2 + 4 + 16;  // scale, offset, fifth bits, nibbles

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    alignas(32) std::uint8_t codes[kElems];
    const Bytes32 high = spread_fifth_bits(base::load_u32(block + 4));
    store_bytes32(codes, spread_nibbles(block + 8) | high);
    shift_codes<kElems>(codes, base::load_f16(block), base::load_f16(block + 2),
                        out.data() + b * kElems);
  }
}

void pack(std::uint16_t scale, std::uint16_t offset, const std::uint8_t* codes,
          std::byte* out) noexcept {
  base::store(out, scale);
  base::store(out + 2, offset);
  base::store(out + 4, fifth_bits(codes));
  pack_nibbles(codes, out + 8);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr AffineFormat format{.high = 31, .block_bytes = kBytes, .pack = pack, .decode = decode};
  encode_affine(in, out, format);
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_scales(in, kBytes, 2);
}

}  // namespace

const Codec q5_1{.id = 7,
                 .name = "q5_1",
                 .family = Family::legacy,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q5_1",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
