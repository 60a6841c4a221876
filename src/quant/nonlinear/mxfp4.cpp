// mxfp4: 32 weights share one power of two, codes are E2M1 floats; 4.25 bits per weight. Source:
// docs/spec/types/basic.md, MXFP4.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "quant/fit/column_weights.h"
#include "quant/fit/eight.h"
#include "quant/iqk/bits.h"
#include "quant/registry.h"

namespace quant {
namespace {
using eight::F8, eight::I8, eight::splat;

constexpr std::size_t kElems = 32;
constexpr std::size_t kBytes = 1 + kElems / 2;  // exponent, then nibbles: j low, j + 16 high
// Twice the E2M1 values, without sign; bit 3 of a code is the sign. Minus zero decodes to zero.
constexpr std::array<float, 8> kMagnitude{0, 1, 2, 3, 4, 6, 8, 12};
constexpr int kBias = 128;               // of the halved scale
constexpr std::uint32_t kHighest = 252;  // the largest exponent at which no level overflows

float level(std::uint32_t code) noexcept {
  return code > 8 ? -kMagnitude[code & 7U] : kMagnitude[code & 7U];
}

float scale_of(std::uint32_t exponent) noexcept {
  return std::ldexp(1.0F, static_cast<int>(exponent) - kBias);
}

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    const float scale = scale_of(base::load_u8(block));
    for (std::size_t j = 0; j < kElems; ++j) {
      out[b * kElems + j] = level(get_bits(block + 1 + j % 16, 4 * (j / 16), 4)) * scale;
    }
  }
}

// --- Blocks whose largest magnitude is so near an end of f32 that some exponents do not exist ---

/// x in units of a scale, magnitudes only.
using Scaled = std::array<float, kElems>;

Scaled in_units(const float* x, std::uint32_t exponent) noexcept {
  const double inverse = std::ldexp(1.0, kBias - static_cast<int>(exponent));
  Scaled out;
  for (std::size_t j = 0; j < kElems; ++j) {
    // 1e15 is far beyond the last level, and its square is finite.
    const double magnitude = std::fabs(static_cast<double>(x[j])) * inverse;
    out[j] = static_cast<float>(std::min(magnitude, 1e15));
  }
  return out;
}

/// Index of the nearest magnitude; ties to the smaller.
std::uint32_t nearest(float a) noexcept {
  std::uint32_t code = 0;
  for (const float middle : {0.5F, 1.5F, 2.5F, 3.5F, 5.0F, 7.0F, 10.0F}) code += a > middle ? 1 : 0;
  return code;
}

double error_of(const float* x, const float* v, std::uint32_t exponent) noexcept {
  const Scaled units = in_units(x, exponent);
  float error = 0;
  for (std::size_t j = 0; j < kElems; ++j) {
    const float off = units[j] - kMagnitude[nearest(units[j])];
    error += (v == nullptr ? 1.0F : v[j]) * off * off;
  }
  return std::ldexp(static_cast<double>(error), 2 * static_cast<int>(exponent));
}

[[gnu::noinline, gnu::cold]] void encode_extreme(const float* x, const float* v, float peak,
                                                 std::byte* block) noexcept {
  std::fill_n(block, kBytes, std::byte{0});
  if (peak == 0) return;
  const int around = std::clamp(std::ilogb(peak) - 2 + 127, 0, int{kHighest});
  auto best = static_cast<std::uint32_t>(around);
  double least = error_of(x, v, best);
  for (int e = std::max(around - 2, 0); e <= std::min(around + 1, int{kHighest}); ++e) {
    const double error = error_of(x, v, static_cast<std::uint32_t>(e));
    if (error < least) {
      least = error;
      best = static_cast<std::uint32_t>(e);
    }
  }
  const Scaled units = in_units(x, best);
  base::store_u8(block, best);
  for (std::size_t j = 0; j < kElems; ++j) {
    const std::uint32_t code = nearest(units[j]);
    put_bits(block + 1 + j % 16, x[j] < 0 && code != 0 ? code | 8U : code, 4 * (j / 16));
  }
}

// --- All other blocks: a block in four registers ---

using U8 [[gnu::vector_size(32)]] = std::uint32_t;

F8 as_floats(I8 v) noexcept { return reinterpret_cast<F8>(v); }
I8 as_bits(F8 v) noexcept { return reinterpret_cast<I8>(v); }
F8 load(const float* p) noexcept {
  F8 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
F8 magnitude(F8 x) noexcept { return as_floats(as_bits(x) & splat(0x7fffffff)); }

/// The lanes' sum, always in the same order.
float sum(F8 a) noexcept {
  a = a + __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3);
  a = a + __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5);
  return a[0] + a[1];
}

/// The largest lane in all lanes.
F8 largest(F8 a) noexcept {
  a = eight::max(a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3));
  a = eight::max(a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5));
  return eight::max(a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6));
}

/// Magnitudes y in units of a first guess, and what makes y lose all but two significant bits when
/// it is added: 1.5 * 2^22 times the power of two in y. The sum's last bits are then y in steps,
/// rounded to even.
struct Block {
  std::array<F8, 4> y, rounder;
};

constexpr int kPower = 0x7f800000;  // bits of the power of two in a float
constexpr float kRounder = 0x1.8p22F;
constexpr int kRounderBits = (22 << 23) + (1 << 22);  // times kRounder, added to a power of two

/// Weighted error of the nearest levels, which are `unit` times kMagnitude.
template <bool Weighted>
[[gnu::always_inline]] inline float error_at(const Block& block, const float* w,
                                             float unit) noexcept {
  F8 error = splat(0.0F);
  for (std::size_t k = 0; k < 4; ++k) {
    const F8 y = block.y[k];
    // Below 2 units levels are a unit apart.
    const F8 shift = eight::max(block.rounder[k], splat(2 * kRounder * unit));
    const F8 rounded = (y + shift) - shift;
    // Rounded, y is 16 at most.
    const F8 off = y - (unit < 2 ? eight::min(rounded, splat(12 * unit)) : rounded);
    error = eight::fused(Weighted ? load(w + 8 * k) * off : off, off, error);
  }
  return sum(error);
}

/// The best unit is 2^step.
template <bool Weighted>
[[gnu::always_inline]] inline int best_step(const Block& block, const float* w) noexcept {
  const float here = error_at<Weighted>(block, w, 1);
  const float above = error_at<Weighted>(block, w, 2);
  const float below = error_at<Weighted>(block, w, 0.5F);
  // Cutting the largest weight off pays where it is of little importance.
  if (below < here && below < above) return error_at<Weighted>(block, w, 0.25F) < below ? -2 : -1;
  return above < here ? 1 : 0;
}

/// Packs the codes of 32 weights, which come in half units, towards zero: all the middles between
/// levels are whole numbers of those, and none of 1 to 19 is beyond the last level.
void pack(const std::array<I8, 4>& halves, std::byte* out) noexcept {
#if defined(__AVX2__)
  const auto words = [](I8 a, I8 b) {
    return _mm256_packs_epi32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b));
  };
  // Elements 0-3, 16-19, 8-11, 24-27, then 4-7, 20-23, 12-15, 28-31; -128..127.
  const __m256i q = _mm256_packs_epi16(words(halves[0], halves[2]), words(halves[1], halves[3]));
  const __m256i a = _mm256_abs_epi8(q);
  const __m256i to_code =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6));
  __m256i code = _mm256_shuffle_epi8(to_code, _mm256_min_epu8(a, _mm256_set1_epi8(15)));
  code = _mm256_sub_epi8(code, _mm256_cmpgt_epi8(a, _mm256_set1_epi8(19)));
  code = _mm256_or_si256(code, _mm256_and_si256(_mm256_srli_epi16(q, 4), _mm256_set1_epi8(8)));
  // Every second word with the four bits of the next one above its own.
  const __m256i pairs = _mm256_or_si256(code, _mm256_srli_epi64(code, 28));
  const __m256i order = _mm256_setr_epi32(0, 4, 2, 6, 0, 4, 2, 6);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                   _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(pairs, order)));
#else
  const auto code_of = [&](std::size_t j) {
    const int q = halves[j / 8][j % 8];
    const std::uint32_t code = nearest(0.5F * static_cast<float>(std::abs(q)) + 0.25F);
    return q < 0 ? code | 8U : code;
  };
  for (std::size_t j = 0; j < 16; ++j) base::store_u8(out + j, code_of(j) | code_of(j + 16) << 4);
#endif
}

template <bool Weighted>
[[gnu::always_inline]] inline void encode_block(const float* p, const float* w,
                                                std::byte* block) noexcept {
  const std::array<F8, 4> x{load(p), load(p + 8), load(p + 16), load(p + 24)};
  const F8 peak = largest(eight::max(eight::max(magnitude(x[0]), magnitude(x[1])),
                                     eight::max(magnitude(x[2]), magnitude(x[3]))));
  const int exponent = as_bits(peak)[0] >> 23;
  if (exponent < 4 || exponent > 253) return encode_extreme(p, w, peak[0], block);
  // Times 2^(3 - k) for a peak in 2^k .. 2^(k + 1): into 8..16.
  const U8 power = reinterpret_cast<U8>(as_bits(peak) & splat(kPower));
  const F8 in_units = reinterpret_cast<F8>((257U << 23) - power);
  Block units;
  for (std::size_t k = 0; k < 4; ++k) {
    units.y[k] = magnitude(x[k]) * in_units;
    units.rounder[k] = as_floats((as_bits(units.y[k]) & splat(kPower)) + splat(kRounderBits));
  }
  const int step = best_step<Weighted>(units, w);
  base::store_u8(block, static_cast<std::uint32_t>(exponent - 2 + step));
  const F8 in_halves = in_units * splat(std::bit_cast<float>((128U - step) << 23));
  std::array<I8, 4> halves;
  for (std::size_t k = 0; k < 4; ++k) {
    halves[k] = __builtin_convertvector(x[k] * in_halves, I8);
  }
  pack(halves, block + 1);
}

template <bool Weighted>
void encode_row(const float* x, const float* w, std::size_t cols, std::byte* out) noexcept {
  for (std::size_t c = 0; c < cols; c += kElems, out += kBytes) {
    encode_block<Weighted>(x + c, Weighted ? w + c : nullptr, out);
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const std::vector<float> w = fit::column_weights(in.importance);
  const std::size_t row_bytes = in.cols / kElems * kBytes;
  for (std::size_t r = 0; r < in.rows; ++r) {
    std::byte* row = out.data() + r * row_bytes;
    if (w.empty()) {
      encode_row<false>(in.row(r), nullptr, in.cols, row);
    } else {
      encode_row<true>(in.row(r), w.data(), in.cols, row);
    }
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    if (base::load_u8(in.data() + b * kBytes) <= kHighest) continue;
    std::array<float, kElems> y;
    decode(in.subspan(b * kBytes, kBytes), kElems, y);
    if (!std::all_of(y.begin(), y.end(), [](float w) { return std::isfinite(w); })) {
      return BadBlock{.block = b, .offset = b * kBytes, .what = "a weight overflows"};
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec mxfp4{.id = 39,
                  .name = "mxfp4",
                  .family = Family::nonlinear,
                  .block_elems = kElems,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/basic.md, MXFP4",
                  .decode = decode,
                  .encode = encode,
                  .check = check};
}  // namespace quant
