// Eight codebook entries at a time against one target, in integers: products of 16 bits, sums of
// 32, so every machine and every order of adding gives the same.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "quant/codebook/lanes.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace quant {

/// Eight entries; for each pair of coordinates, the two values of every entry side by side.
template <int Dim>
struct alignas(16) EntryBlock {
  std::int8_t at[Dim / 2][2 * kLanes];

  std::int8_t& value(int k, int lane) noexcept { return at[k / 2][2 * lane + k % 2]; }
  float value(int k, int lane) const noexcept {
    const std::int8_t entry = at[k / 2][2 * lane + k % 2];
    return entry;
  }
};

/// q = sum w x entry and p = sum w entry^2 of eight entries, each in its own unit.
struct EntryWorth {
  F8 q, p;
};

/// A target with weights of 14 bits and products w x of 15: |p| stays below 8 * 2^14 * 126^2 <
/// 2^31. A coordinate whose weight is below 2^-15 of the largest one does not count.
template <int Dim>
class IntegerTarget {
 public:
  IntegerTarget(const std::array<float, Dim>& w, const std::array<float, Dim>& wx) noexcept {
    float top_w = 1e-30F, top_wx = 1e-30F;
    for (std::size_t k = 0; k < Dim; ++k) {
      top_w = std::max(top_w, w[k]);
      top_wx = std::max(top_wx, std::fabs(wx[k]));
    }
    const float to_w = 16383.0F / top_w, to_wx = 32767.0F / top_wx;
    ratio = to_wx / to_w;
    for (std::size_t j = 0; j < Dim / 2; ++j) {
      w_[j] = pair(w[2 * j] * to_w, w[2 * j + 1] * to_w);
      wx_[j] = pair(wx[2 * j] * to_wx, wx[2 * j + 1] * to_wx);
    }
  }

  float ratio;  ///< p is to be multiplied with it to have the unit of q

  EntryWorth worth(const EntryBlock<Dim>& block) const noexcept {
    I8 q = splat(0), p = splat(0);
    for (std::size_t j = 0; j < Dim / 2; ++j) {
      const S16 c = widen16(block.at[j]);
      q += products(c, wx_[j]);
      p += products(c * c, w_[j]);
    }
    return {.q = __builtin_convertvector(q, F8), .p = __builtin_convertvector(p, F8)};
  }

 private:
  using S16 = std::int16_t __attribute__((vector_size(32)));

  static std::uint32_t half(float v) noexcept {
    return static_cast<std::uint16_t>(static_cast<std::int32_t>(v + std::copysign(0.5F, v)));
  }
  static S16 pair(float a, float b) noexcept {
    return reinterpret_cast<S16>(splat(static_cast<std::int32_t>(half(a) | half(b) << 16)));
  }
  static S16 widen16(const std::int8_t* p) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
    return reinterpret_cast<S16>(
        _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
    S16 r;
    for (int i = 0; i < 2 * kLanes; ++i) r[i] = p[i];
    return r;
#endif
  }
  /// Lane i: a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1].
  static I8 products(S16 a, S16 b) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
    return reinterpret_cast<I8>(
        _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
    I8 r;
    for (int i = 0; i < kLanes; ++i) r[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
    return r;
#endif
  }

  S16 w_[Dim / 2], wx_[Dim / 2];
};

}  // namespace quant
