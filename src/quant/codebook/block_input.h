// One super-block of 256 weights made ready for a codebook search.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/codebook/lanes.h"
#include "quant/codec.h"
#include "quant/fit/worse_than_zero.h"

namespace quant {

inline constexpr std::size_t kSuperBlock = 256;

/// Magnitudes, signs and objective weights of 256 elements. Magnitudes are divided by a power of
/// two so that the largest lies in [1, 2): no product of the search overflows or underflows.
struct BlockInput {
  alignas(32) float magnitude[kSuperBlock];
  alignas(32) float weight[kSuperBlock];   ///< mean 1, all > 0
  std::uint8_t negative[kSuperBlock / 8];  ///< bit k of byte v: element 8v+k is below zero
  float unit = 1;                          ///< original = magnitude * unit
  bool zero = false;                       ///< nothing to code: every element is 0 or underflows
  bool weighted = false;                   ///< there was importance
};

/// `x`: 256 finite floats; `importance`: 256 floats or null. Elements beyond 1e9 count as 1e9 (no
/// format with an f16 scale reaches them). The weight is the importance relative to its mean;
/// without it all weights are 1.
void prepare_block(const float* x, const float* importance, BlockInput& out) noexcept;

/// Eight groups of `E` consecutive elements, one a lane.
template <int E>
struct LaneGroups {
  F8 x[E];   ///< magnitude
  F8 wx[E];  ///< weight * magnitude
  F8 w[E];
  F8 odd[(E + 7) / 8];  ///< 1 where the eight elements have an odd number of minus signs, else 0
  F8 peak;              ///< largest magnitude of the group
  const float* rows;    ///< the weights in element order, lane g at rows + g * E
};

/// `Signed`: x and wx get the sign of the element.
template <int E, bool Signed>
void to_lanes(const BlockInput& in, int first_group, LaneGroups<E>& out) noexcept {
  out.rows = in.weight + first_group * E;
  out.peak = splat(0.0F);
  for (int e = 0; e < E; ++e) {
    F8 x;
    for (int g = 0; g < kLanes; ++g) {
      const int at = (first_group + g) * E + e;
      const bool minus = Signed && ((in.negative[at / 8] >> at % 8) & 1) != 0;
      x[g] = minus ? -in.magnitude[at] : in.magnitude[at];
      out.w[e][g] = in.weight[at];
    }
    out.x[e] = x;
    out.wx[e] = out.w[e] * x;
    out.peak = max(out.peak, max(x, -x));
  }
  for (int v = 0; v < E / 8; ++v) {
    for (int g = 0; g < kLanes; ++g) {
      const auto mask = in.negative[(first_group + g) * (E / 8) + v];
      out.odd[v][g] = static_cast<float>(__builtin_popcount(mask) & 1);
    }
  }
}

/// Where the minus signs of eight elements are odd, turns the one that weighs least: which is dear
/// to turn hardly depends on the entries.
template <int E>
void turn_cheapest(LaneGroups<E>& in) noexcept {
  for (int first = 0; first < E; first += 8) {
    F8 least = in.wx[first];
    for (int e = first + 1; e < first + 8; ++e) least = min(least, in.wx[e]);
    I8 due = in.odd[first / 8] > 0.0F;
    for (int e = first; e < first + 8; ++e) {
      const I8 turn = due & (in.wx[e] <= least);
      in.x[e] = turn ? -in.x[e] : in.x[e];
      in.wx[e] = turn ? -in.wx[e] : in.wx[e];
      due = due & ~turn;  // only one of equals
    }
  }
}

}  // namespace quant
