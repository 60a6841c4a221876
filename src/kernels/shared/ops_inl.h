// Operations on single rows for vector machines, written in the words of a folder's vec_inl.h,
// which must be included before. Same formulas as reference/ops.cpp; sums in f64 in lanes.
#pragma once

#include <cmath>
#include <cstring>

#include "kernels/table.h"

namespace kernels {
namespace {

/// e^x, relative error below 2.5e-7 where the result is a normal number; 0 below -104, infinity
/// above 88.8, NaN stays. x = n ln 2 + r with |r| <= 0.347, Taylor to r^7 (remainder 5e-9), ln 2 in
/// two parts so that r keeps 24 bits.
inline Vec exp(Vec x) noexcept {
  const Vec bounded = smaller(fill(89.0F), larger(fill(-104.0F), x));
  const Vec n = round_even(mul(bounded, fill(1.44269504088896341F)));
  const Vec r = fma(n, fill(-1.42860677e-6F), fma(n, fill(-0.693145752F), bounded));
  Vec p = fill(1.0F / 5040);
  p = fma(p, r, fill(1.0F / 720));
  p = fma(p, r, fill(1.0F / 120));
  p = fma(p, r, fill(1.0F / 24));
  p = fma(p, r, fill(1.0F / 6));
  p = fma(p, r, fill(0.5F));
  p = fma(p, r, fill(1.0F));
  p = fma(p, r, fill(1.0F));
  return times_power(p, n);
}

/// 1 / (1 + e^-x).
inline Vec logistic(Vec x) noexcept {
  return div(fill(1.0F), add(fill(1.0F), exp(sub(fill(0.0F), x))));
}

/// Absolute error below 3e-7.
inline Vec tanh(Vec x) noexcept {
  return sub(mul(fill(2.0F), logistic(mul(fill(2.0F), x))), fill(1.0F));
}

/// Calls body(i, load, store) for pieces of a row: full vectors, then one partial.
template <class Body>
inline void for_lanes(std::size_t n, Body body) noexcept {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, kLanes);
  if (i < n) body(i, n - i);
}
inline Vec take(const float* p, std::size_t n) noexcept {
  return n == kLanes ? load(p) : load_part(p, n);
}
inline void put(float* p, std::size_t n, Vec v) noexcept {
  n == kLanes ? store(p, v) : store_part(p, n, v);
}

inline void rms_norm(const float* x, const float* w, float eps, std::size_t n,
                     float* out) noexcept {
  Sum64 squares;
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    const Vec v = take(x + i, m);
    squares.add(mul(v, v));
  });
  const float mean = static_cast<float>(squares.total() / static_cast<double>(n));
  const Vec factor = fill(1.0F / std::sqrt(mean + eps));
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    const Vec v = mul(take(x + i, m), factor);
    put(out + i, m, w != nullptr ? mul(v, take(w + i, m)) : v);
  });
}

inline void layer_norm(const float* x, const float* w, const float* b, float eps, std::size_t n,
                       float* out) noexcept {
  Sum64 sum;
  for_lanes(n, [&](std::size_t i, std::size_t m) { sum.add(take(x + i, m)); });
  const float mean = static_cast<float>(sum.total() / static_cast<double>(n));
  Sum64 squares;
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    float centre[kLanes];
    put(centre, kLanes, sub(take(x + i, m), fill(mean)));
    const Vec v = take(centre, m);  // lanes past the end are 0 again
    squares.add(mul(v, v));
  });
  const float variance = static_cast<float>(squares.total() / static_cast<double>(n));
  const Vec factor = fill(1.0F / std::sqrt(variance + eps));
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    Vec v = mul(sub(take(x + i, m), fill(mean)), factor);
    if (w != nullptr) v = mul(v, take(w + i, m));
    if (b != nullptr) v = add(v, take(b + i, m));
    put(out + i, m, v);
  });
}

inline void silu_mul(float* gate, const float* up, std::size_t n) noexcept {
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    const Vec z = take(gate + i, m);
    const Vec silu = div(z, add(fill(1.0F), exp(sub(fill(0.0F), z))));
    put(gate + i, m, mul(silu, take(up + i, m)));
  });
}

/// 0.5 z (1 + tanh u) = z / (1 + e^-2u), u = sqrt(2 / pi) z (1 + 0.044715 z^2).
inline void gelu_mul(float* gate, const float* up, std::size_t n) noexcept {
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    const Vec z = take(gate + i, m);
    const Vec inner = fma(mul(z, z), fill(0.044715F), fill(1.0F));
    const Vec u = mul(mul(z, inner), fill(-1.5957691216057308F));
    put(gate + i, m, mul(div(z, add(fill(1.0F), exp(u))), take(up + i, m)));
  });
}

inline void add_scaled(float* y, float a, const float* x, std::size_t n) noexcept {
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    put(y + i, m, add(take(y + i, m), mul(fill(a), take(x + i, m))));
  });
}

inline void add_squares(double* sums, const float* x, std::size_t n) noexcept {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) add_squares_f64(sums + i, load(x + i));
  for (; i < n; ++i) sums[i] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
}

/// Four vectors at once: one maximum waits for the last for four cycles.
inline float largest(const float* x, std::size_t n) noexcept {
  Vec a = fill(x[0]), b = a, c = a, d = a;
  std::size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a = larger(a, load(x + i));
    b = larger(b, load(x + i + kLanes));
    c = larger(c, load(x + i + 2 * kLanes));
    d = larger(d, load(x + i + 3 * kLanes));
  }
  float most = largest_lane(larger(larger(a, b), larger(c, d)));
  for (; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

inline double sum_exp(const float* x, float m, std::size_t n) noexcept {
  Sum64 sum;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sum.add(exp(sub(load(x + i), fill(m))));
  if (i < n) {
    float last[kLanes] = {};
    store(last, exp(sub(load_part(x + i, n - i), fill(m))));
    sum.add(load_part(last, n - i));
  }
  return sum.total();
}

inline void to_cache(CacheType type, const float* x, std::size_t n, std::byte* out) noexcept {
  if (type == CacheType::f32) {
    std::memcpy(out, x, n * sizeof(float));
    return;
  }
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    const Vec v = take(x + i, m);
    std::uint16_t halfs[kLanes];
    type == CacheType::f16 ? store_f16(halfs, v) : store_bf16(halfs, v);
    std::memcpy(out + 2 * i, halfs, 2 * m);
  });
}

inline void from_cache(CacheType type, const std::byte* x, std::size_t n, float* out) noexcept {
  if (type == CacheType::f32) {
    std::memcpy(out, x, n * sizeof(float));
    return;
  }
  for_lanes(n, [&](std::size_t i, std::size_t m) {
    std::uint16_t halfs[kLanes] = {};
    std::memcpy(halfs, x + 2 * i, 2 * m);
    put(out + i, m, type == CacheType::f16 ? load_f16(halfs) : load_bf16(halfs));
  });
}

}  // namespace
}  // namespace kernels
