// q5_0: 32 weights share one f16 scale, 5-bit codes; 5.5 bits per weight.
// Source: docs/spec/types/basic.md, "Q5_0".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using legacy::SymmetricFormat, legacy::check_scales, legacy::encode_symmetric, legacy::fifth_bits,
    legacy::kElems, legacy::pack_nibbles, legacy::spread_fifth_bits, legacy::spread_nibbles;

constexpr std::size_t kBytes = 2 + 4 + 16;  // scale, fifth bits, nibbles

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    alignas(32) std::uint8_t codes[kElems];
    const Bytes32 high = spread_fifth_bits(base::load_u32(block + 2));
    store_bytes32(codes, spread_nibbles(block + 6) | high);
    scale_codes<kElems>(codes, 16, base::load_f16(block), out.data() + b * kElems);
  }
}

void pack(std::uint16_t scale, const std::uint8_t* codes, std::byte* out) noexcept {
  base::store(out, scale);
  base::store(out + 2, fifth_bits(codes));
  pack_nibbles(codes, out + 6);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr SymmetricFormat format{.low = -16, .high = 15, .block_bytes = kBytes, .pack = pack};
  encode_symmetric(in, out, format);
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_scales(in, kBytes, 1);
}

}  // namespace

const Codec q5_0{.id = 6,
                 .name = "q5_0",
                 .family = Family::legacy,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q5_0",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
