// q5_K: as q4_K with a fifth bit for every code; 5.5 bits per weight.
// Source: docs/spec/types/basic.md, "Q5_K".
#include "quant/kquant/encode.h"
#include "quant/kquant/plans.h"
#include "quant/kquant/scales6.h"
#include "quant/registry.h"

namespace quant {
namespace {
using namespace kquant;

constexpr std::size_t kSub = 32;
constexpr std::size_t kBytes = 2 + 2 + 12 + 32 + 128;  // d, dmin, scales, high bits, low nibbles
constexpr std::size_t kScales = 4, kHigh = 16, kLow = 48;

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    const float d = base::load_f16(block), dmin = base::load_f16(block + 2);
    const Scales6 s = load_scales6(block + kScales);
    for (unsigned j = 0; j < 8; j += 2) {
      const std::byte* low = block + kLow + 16 * j;
      float* y = out.data() + b * kElems + j * kSub;
      const float low_step = d * s.scale[j], low_min = dmin * s.min[j];
      const float high_step = d * s.scale[j + 1], high_min = dmin * s.min[j + 1];
      for (std::size_t i = 0; i < kSub; ++i) {
        const int byte = base::load_u8(low + i);
        const int bits = base::load_u8(block + kHigh + i) >> j;
        y[i] = low_step * static_cast<float>((byte & 15) | (bits & 1) << 4) - low_min;
        y[i + kSub] = high_step * static_cast<float>(byte >> 4 | (bits & 2) << 3) - high_min;
      }
    }
  }
}

void pack(const AffineBlock<kSub>& block, std::byte* out) noexcept {
  base::store(out, block.d);
  base::store(out + 2, block.dmin);
  store_scales6(block.scale, block.min, out + kScales);
  for (std::size_t i = 0; i < kSub; ++i) {
    unsigned high = 0;
    for (unsigned j = 0; j < 8; ++j) {
      high |= static_cast<unsigned>(block.codes[j * kSub + i] >> 4) << j;
    }
    base::store_u8(out + kHigh + i, high);
    for (std::size_t j = 0; j < 4; ++j) {
      const std::uint8_t* q = block.codes + 64 * j + i;
      base::store_u8(out + kLow + kSub * j + i, (q[0] & 15u) | (q[kSub] & 15u) << 4);
    }
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr AffineFormat<kSub> format{
      .high = 31, .max_scale = 63, .weighting = {}, .block_bytes = kBytes, .pack = pack};
  encode_affine(in, out, format, affine_plan(in.effort, 31));
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_super_scales(in, kBytes, {0, 2});
}

}  // namespace

const Codec q5_K{.id = 13,
                 .name = "q5_K",
                 .family = Family::kquant,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q5_K",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
