// q6_0: 32 weights share one f16 scale, 6-bit codes; 6.5 bits per weight.
// Source: docs/spec/types/basic.md, "Q6_0".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using legacy::SymmetricFormat, legacy::check_scales, legacy::encode_symmetric, legacy::kElems,
    legacy::pack_nibbles, legacy::spread_nibbles;

constexpr std::size_t kBytes = 2 + 8 + 16;  // scale, upper bits, nibbles

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    alignas(32) std::uint8_t codes[kElems];
    // Byte k of 8 holds the upper bits of codes k, k + 16, k + 8, k + 24, from bit 0 upwards.
    const auto upper = base::load<std::uint64_t>(block + 2);
    const Bytes32 pairs = {Bytes32::Words{upper << 4, upper, upper << 2, upper >> 2}};
    store_bytes32(codes, spread_nibbles(block + 10) | (pairs & every_byte(48)));
    scale_codes<kElems>(codes, 32, base::load_f16(block), out.data() + b * kElems);
  }
}

void pack(std::uint16_t scale, const std::uint8_t* codes, std::byte* out) noexcept {
  base::store(out, scale);
  for (std::size_t k = 0; k < 8; ++k) {
    const auto upper = [&](std::size_t i) { return static_cast<unsigned>(codes[i] >> 4); };
    base::store_u8(out + 2 + k,
                   upper(k) | upper(k + 16) << 2 | upper(k + 8) << 4 | upper(k + 24) << 6);
  }
  pack_nibbles(codes, out + 10);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr SymmetricFormat format{.low = -32, .high = 31, .block_bytes = kBytes, .pack = pack};
  encode_symmetric(in, out, format);
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_scales(in, kBytes, 1);
}

}  // namespace

const Codec q6_0{.id = 133,
                 .name = "q6_0",
                 .family = Family::legacy,
                 .readers = Readers::ik_only,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q6_0",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
