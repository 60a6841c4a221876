#pragma once

#include <cmath>
#include <cstring>
#include <optional>
#include <span>

#include "quant/codec.h"

namespace quant {

/// True if no word has all the exponent bits of `mask`. No branch inside: vector instructions.
template <class Word>
bool all_finite(std::span<const std::byte> in, Word mask) noexcept {
  Word bad = 0;
  for (std::size_t i = 0; i + sizeof(Word) <= in.size(); i += sizeof(Word)) {
    Word word;
    std::memcpy(&word, in.data() + i, sizeof(Word));
    bad = static_cast<Word>(bad | static_cast<Word>((word & mask) == mask));
  }
  return bad == 0;
}

/// First element of a plain row that is NaN or infinite; `mask`: the exponent bits.
template <class Word, class Load>
std::optional<BadBlock> first_not_finite(std::span<const std::byte> in, std::size_t cols, Word mask,
                                         Load load) noexcept {
  constexpr std::size_t stride = sizeof(Word);
  if (all_finite(in.first(cols * stride), mask)) return std::nullopt;
  for (std::size_t i = 0; i < cols; ++i) {
    const float v = load(in.data() + i * stride);
    if (!std::isfinite(v)) {
      return BadBlock{.block = i,
                      .offset = i * stride,
                      .what = std::isnan(v) ? "element is NaN" : "element is infinite"};
    }
  }
  return std::nullopt;
}

}  // namespace quant
