// q5_0: 32 weights share one f16 scale, 5-bit codes; 5.5 bits per weight.
// Source: docs/spec/types/basic.md, "Q5_0".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using namespace legacy;

constexpr std::size_t kBytes = 2 + 4 + 16;  // scale, fifth bits, nibbles

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    float* y = out.data() + b * kElems;
    const float scale = base::load_f16(block);
    const std::uint32_t high = base::load_u32(block + 2);
    for (unsigned j = 0; j < 16; ++j) {
      const unsigned byte = base::load_u8(block + 6 + j);
      const unsigned low_code = (byte & 15) | (high >> j & 1) << 4;
      const unsigned high_code = byte >> 4 | (high >> (j + 16) & 1) << 4;
      y[j] = static_cast<float>(static_cast<int>(low_code) - 16) * scale;
      y[j + 16] = static_cast<float>(static_cast<int>(high_code) - 16) * scale;
    }
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
