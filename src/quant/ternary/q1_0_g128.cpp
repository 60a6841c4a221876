// q1_0_g128 (q1_0 in llama.cpp): a sign each, 128 weights share one f16 magnitude; 1.125 bits per
// weight. Source: docs/spec/types/basic.md, "Q1_0".
#include <cstring>

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

/// The bits 0 of eight bytes, the first lowest.
unsigned low_bits(const std::uint8_t* bytes) noexcept {
  std::uint64_t v = 0;
  std::memcpy(&v, bytes, sizeof v);
  return static_cast<unsigned>(v * 0x0102040810204080U >> 56U);
}

/// The least-squares magnitude is the weighted mean of |x|.
void encode_block(std::span<const float> x, std::span<const double> w, std::byte* block) {
  // Four sums at a time, as one is added to after the other.
  std::array<double, 4> linear{}, total{};
  for (std::size_t i = 0; i < kElems; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) {
      linear[k] += w[i + k] * std::fabs(static_cast<double>(x[i + k]));
      total[k] += w[i + k];
    }
  }
  const auto sum = [](const auto& v) { return (v[0] + v[1]) + (v[2] + v[3]); };
  base::store(block, finite_f16(sum(linear) / sum(total)));
  std::array<std::uint8_t, kElems> plus;
  for (std::size_t i = 0; i < kElems; ++i) plus[i] = static_cast<std::uint8_t>(x[i] >= 0);
  for (std::size_t j = 0; j < kElems / 8; ++j) {
    base::store_u8(block + kCodes + j, low_bits(plus.data() + 8 * j));
  }
}

/// sum v (|x| - d)^2 > sum v x^2. A magnitude that suits columns of next to no importance, which
/// the objective counts a little, can be that wrong for the others.
bool is_worse_than_zeros(const float* x, const float* importance, double d) noexcept {
  double linear = 0, total = 0;
  for (std::size_t i = 0; i < kElems; ++i) {
    const double v = static_cast<double>(importance[i]);
    linear += v * std::fabs(static_cast<double>(x[i]));
    total += v;
  }
  return d * total > 2 * linear;
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  encode_each<kElems, kBytes, encode_block>(in, out);
  if (in.importance.empty()) return;
  const std::size_t row_blocks = in.cols / kElems;
  for (std::size_t b = 0; b < in.rows * row_blocks; ++b) {
    std::byte* block = out.data() + b * kBytes;
    const float* importance = in.importance.data() + b % row_blocks * kElems;
    const auto d = static_cast<double>(base::load_f16(block));
    if (!is_worse_than_zeros(in.x.data() + b * kElems, importance, d)) continue;
    std::fill_n(block, kCodes, std::byte{0});
    std::fill_n(block + kCodes, kElems / 8, std::byte{0xff});
  }
}

}  // namespace

const Codec q1_0_g128{.id = 41,
                      .name = "q1_0_g128",
                      .family = Family::ternary,
                      .block_elems = kElems,
                      .block_bytes = kBytes,
                      .spec = "docs/spec/types/basic.md, Q1_0",
                      .decode = decode_each<kElems, kBytes, decode_block>,
                      .encode = encode,
                      .check = check_each_f16<kElems, kBytes, 0>};
}  // namespace quant
