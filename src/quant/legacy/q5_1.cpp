// q5_1: 32 weights share an f16 scale and an f16 offset, 5-bit codes; 6 bits per weight.
// Source: docs/spec/types/basic.md, "Q5_1".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using namespace legacy;

constexpr std::size_t kBytes = 2 + 2 + 4 + 16;  // scale, offset, fifth bits, nibbles

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    float* y = out.data() + b * kElems;
    const float scale = base::load_f16(block), offset = base::load_f16(block + 2);
    const std::uint32_t high = base::load_u32(block + 4);
    for (unsigned j = 0; j < 16; ++j) {
      const unsigned byte = base::load_u8(block + 8 + j);
      const unsigned low_code = (byte & 15) | (high >> j & 1) << 4;
      const unsigned high_code = byte >> 4 | (high >> (j + 16) & 1) << 4;
      y[j] = static_cast<float>(static_cast<int>(low_code)) * scale + offset;
      y[j + 16] = static_cast<float>(static_cast<int>(high_code)) * scale + offset;
    }
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
  constexpr AffineFormat format{.high = 31, .block_bytes = kBytes, .pack = pack};
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
