// q1_0_g128 (q1_0 in llama.cpp): a sign each, 128 weights share one f16 magnitude; 1.125 bits per
// weight. Source: docs/spec/types/basic.md, "Q1_0".

#include <limits>

#include "quant/codebook/lanes.h"
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

/// What the errors of the columns of a row count, a block at a time.
class Objective {
 public:
  explicit Objective(const EncodeInput& in) : w_(in.cols), total_(in.cols / kElems) {
    for (std::size_t b = 0; b < total_.size(); ++b) {
      const auto v =
          in.importance.empty() ? in.importance : in.importance.subspan(b * kElems, kElems);
      const std::vector<double> w = objective_weights(v, kElems);
      double total = 0;
      for (std::size_t i = 0; i < kElems; ++i) {
        total += w[i];
        w_[b * kElems + i] = static_cast<float>(w[i]);
      }
      total_[b] = static_cast<float>(total);
    }
  }
  const float* weights(std::size_t block) const noexcept { return w_.data() + block * kElems; }
  float total(std::size_t block) const noexcept { return total_[block]; }

 private:
  std::vector<float> w_, total_;
};

/// The least-squares magnitude is the weighted mean of |x|.
void encode_block(const float* x, const float* w, float total, std::byte* block) noexcept {
  F8 linear[2] = {splat(0.0F), splat(0.0F)};
  for (std::size_t i = 0; i < kElems; i += kLanes) {
    const F8 v = load8(x + i), magnitude = max(v, -v);
    F8& sum_of = linear[i / kLanes % 2];
    sum_of = fused(load8(w + i), magnitude, sum_of);
    base::store_u8(block + kCodes + i / 8, mask_of(v >= 0.0F));
  }
  base::store(block, finite_f16(static_cast<double>(sum(linear[0] + linear[1]) / total)));
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

/// Whether the objective counts a column of the block more than its importance says.
bool has_hidden(const float* importance) noexcept {
  double total = 0, least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < kElems; ++i) {
    total += static_cast<double>(importance[i]);
    least = std::min(least, static_cast<double>(importance[i]));
  }
  return least <= 1e-5 * total / kElems;
}

void keep_promise(const EncodeInput& in, std::span<std::byte> out) noexcept {
  const std::size_t row_blocks = in.cols / kElems;
  for (std::size_t b = 0; b < row_blocks; ++b) {
    const float* importance = in.importance.data() + b * kElems;
    if (!has_hidden(importance)) continue;
    for (std::size_t r = 0; r < in.rows; ++r) {
      std::byte* block = out.data() + (r * row_blocks + b) * kBytes;
      const auto d = static_cast<double>(base::load_f16(block));
      if (!is_worse_than_zeros(in.row(r) + b * kElems, importance, d)) continue;
      std::fill_n(block, kCodes, std::byte{0});
      std::fill_n(block + kCodes, kElems / 8, std::byte{0xff});
    }
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const Objective objective(in);
  const std::size_t row_blocks = in.cols / kElems;
  for (std::size_t r = 0; r < in.rows; ++r) {
    for (std::size_t b = 0; b < row_blocks; ++b) {
      encode_block(in.row(r) + b * kElems, objective.weights(b), objective.total(b),
                   out.data() + (r * row_blocks + b) * kBytes);
    }
  }
  if (!in.importance.empty()) keep_promise(in, out);
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
