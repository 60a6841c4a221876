// q4_0: 32 weights share one f16 scale, 4-bit codes; 4.5 bits per weight.
// Source: docs/spec/types/basic.md, "Q4_0".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using legacy::SymmetricFormat, legacy::check_scales, legacy::encode_symmetric, legacy::kElems,
    legacy::pack_nibbles, legacy::spread_nibbles;

constexpr std::size_t kBytes = 2 + 16;  // scale, nibbles

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    alignas(32) std::uint8_t codes[kElems];
    store_bytes32(codes, spread_nibbles(block + 2));
    scale_codes<kElems>(codes, 8, base::load_f16(block), out.data() + b * kElems);
  }
}

void pack(std::uint16_t scale, const std::uint8_t* codes, std::byte* out) noexcept {
  base::store(out, scale);
  pack_nibbles(codes, out + 2);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr SymmetricFormat format{.low = -8, .high = 7, .block_bytes = kBytes, .pack = pack};
  encode_symmetric(in, out, format);
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_scales(in, kBytes, 1);
}

}  // namespace

const Codec q4_0{.id = 2,
                 .name = "q4_0",
                 .family = Family::legacy,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q4_0",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
