// What the grid formats share around their blocks: rows of super-blocks, signed output, the check.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "base/bytes.h"
#include "quant/codebook/block_fit.h"
#include "quant/codebook/block_input.h"
#include "quant/codebook/grid.h"
#include "quant/codec.h"

namespace quant {

/// out[k] = scale * values[k], negated where bit k of `signs` is set (also a zero).
inline void put_signed(const std::int8_t* values, std::size_t n, float scale, unsigned signs,
                       float* out) noexcept {
  for (std::size_t k = 0; k < n; ++k) {
    const float sign = ((signs >> k) & 1U) != 0 ? -1.0F : 1.0F;
    out[k] = scale * static_cast<float>(values[k]) * sign;
  }
}

/// out[k] = scale * (values[k] + delta), eight values.
inline void put_shifted(const std::int8_t* values, float scale, float delta, float* out) noexcept {
  for (std::size_t k = 0; k < 8; ++k) out[k] = scale * (static_cast<float>(values[k]) + delta);
}

template <std::size_t Bytes, void (*DecodeBlock)(const std::byte*, float*) noexcept>
void decode_blocks(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kSuperBlock; ++b) {
    DecodeBlock(in.data() + b * Bytes, out.data() + b * kSuperBlock);
  }
}

/// EncodeBlock gets a zeroed block (which decodes to zeros) and a block input that is not zero.
template <std::size_t Bytes, void (*EncodeBlock)(const BlockInput&, Effort, std::byte*) noexcept,
          void (*DecodeBlock)(const std::byte*, float*) noexcept>
void encode_blocks(const EncodeInput& in, std::span<std::byte> out) {
  std::ranges::fill(out, std::byte{0});
  const std::size_t row_blocks = in.cols / kSuperBlock;
  BlockInput input;
  std::array<float, kSuperBlock> decoded;
  for (std::size_t b = 0; b < in.rows * row_blocks; ++b) {
    const float* x = in.x.data() + b * kSuperBlock;
    const float* importance =
        in.importance.empty() ? nullptr : in.importance.data() + b % row_blocks * kSuperBlock;
    prepare_block(x, importance, input);
    if (input.zero) continue;
    std::byte* block = out.data() + b * Bytes;
    EncodeBlock(input, in.effort, block);
    DecodeBlock(block, decoded.data());
    if (worse_than_zero(x, decoded.data(), importance, kSuperBlock)) {
      std::fill_n(block, Bytes, std::byte{0});
    }
  }
}

/// Every bit pattern is a block; only the f16 at `Offset` can be wrong.
template <std::size_t Bytes, std::size_t Offset>
std::optional<BadBlock> check_f16_at(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kSuperBlock; ++b) {
    if (!std::isfinite(base::load_f16(in.data() + b * Bytes + Offset))) {
      return BadBlock{.block = b, .offset = b * Bytes + Offset, .what = "scale is not finite"};
    }
  }
  return std::nullopt;
}

}  // namespace quant
