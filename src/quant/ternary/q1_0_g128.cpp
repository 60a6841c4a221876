// q1_0_g128 (q1_0 in llama.cpp): a sign each, 128 weights share one f16 magnitude; 1.125 bits per
// weight. Source: docs/spec/types/basic.md, "Q1_0".
#include "quant/registry.h"
#include "quant/ternary/block_codec.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 128, kCodes = 2, kBytes = 18;

void decode_block(const std::byte* block, float* out) {
  const float d = base::load_f16(block);
  for (std::size_t i = 0; i < kElems; ++i) {
    const bool plus = ((base::load_u8(block + kCodes + i / 8) >> i % 8) & 1U) != 0;
    out[i] = plus ? d : -d;
  }
}

/// The least-squares magnitude is the weighted mean of |x|.
void encode_block(std::span<const float> x, std::span<const double> w, std::byte* block) {
  double linear = 0, total = 0;
  for (std::size_t i = 0; i < kElems; ++i) {
    linear += w[i] * std::fabs(static_cast<double>(x[i]));
    total += w[i];
    block[kCodes + i / 8] |= static_cast<std::byte>((x[i] >= 0 ? 1 : 0) << i % 8);
  }
  base::store(block, finite_f16(linear / total));
}

}  // namespace

const Codec q1_0_g128{.id = 41,
                      .name = "q1_0_g128",
                      .family = Family::ternary,
                      .block_elems = kElems,
                      .block_bytes = kBytes,
                      .spec = "docs/spec/types/basic.md, Q1_0",
                      .decode = decode_each<kElems, kBytes, decode_block>,
                      .encode = encode_each<kElems, kBytes, encode_block, decode_block>,
                      .check = check_each_f16<kElems, kBytes, 0>};
}  // namespace quant
