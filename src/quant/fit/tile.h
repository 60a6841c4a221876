// Sixteen blocks of weights side by side, one a lane, with their weights of error. The only place
// that decides what an encoder minimises. Knows nothing of formats.
#pragma once

#include <algorithm>
#include <bit>
#include <span>
#include <vector>

#include "quant/codec.h"
#include "quant/fit/lanes.h"

namespace quant::fit {

/// What an error is worth: element weight = u * sqrt(tempering * S + x^2), u the column's
/// importance relative to the largest of its (super-)block, S the mean square of that
/// (super-)block. Negative tempering: u alone, which minimises the expected error of the matrix
/// product if the columns were independent.
struct Weighting {
  float tempering = -1;
};

/// Importance made fit for sums in f32: each run of `segment` columns (a block or super-block) is
/// divided by its largest value and kept above a small floor, so that a column that was never seen
/// still gets a nearest code. All ones where there is no importance or only zeros. Size cols.
std::vector<float> relative_importance(const EncodeInput& in, std::size_t segment);

/// True if the floor raised a column: what an encoder minimises over `u` is then not quite the
/// error that the importance means.
bool was_floored(std::span<const float> u) noexcept;

/// kLanes blocks of N elements. Lane l holds block l; x is scaled by a power of two so that the
/// largest magnitude of the (super-)block is in [1, 2), or 0 for a block of (nearly) zeros.
template <std::size_t N>
struct Tile {
  Lanes x[N];
  Lanes w[N];
  Lanes peak;                      ///< largest |x| of each lane
  alignas(64) float unit[kLanes];  ///< original = x * unit, a power of two

  Lanes units() const noexcept { return load(unit); }
};

/// Where the blocks of a tile lie.
struct TileSource {
  const float* x[kLanes];
  const float* u[kLanes];  ///< relative importance of the same elements
  const Lanes* w;          ///< the same as a tile holds it, or null
};

/// The power of two to divide by so that `largest` comes into [1, 2). Below 1e-30: infinity-free
/// stand-in that makes everything 0 (no 16-bit scale could hold it).
struct Unit {
  float multiply, divide;  ///< divide is 0 for a block of (nearly) zeros
};
inline Unit unit_of(float largest) noexcept {
  if (!(largest > 1e-30f)) return {.multiply = 1, .divide = 0};
  const auto exponent = std::bit_cast<std::uint32_t>(largest) & 0x7f800000u;
  const float unit = std::bit_cast<float>(exponent);  // a normal number, as 1e-30 is
  return {.multiply = unit, .divide = 1 / unit};
}

/// Multiplies the weights by sqrt(tempering * S + x^2).
template <std::size_t N>
void temper(Tile<N>& tile, std::size_t lanes_per_scale, float tempering) noexcept {
  Lanes squares = all(0);
  for (std::size_t i = 0; i < N; ++i) squares = fma(tile.x[i], tile.x[i], squares);
  alignas(64) float sums[kLanes];
  store(sums, squares);
  for (std::size_t l = 0; l < kLanes; l += lanes_per_scale) {
    float sum = 0;
    for (std::size_t k = 0; k < lanes_per_scale; ++k) sum += sums[l + k];
    for (std::size_t k = 0; k < lanes_per_scale; ++k) {
      sums[l + k] = tempering * sum / static_cast<float>(N * lanes_per_scale) + 1e-12f;
    }
  }
  const Lanes base = load(sums);
  for (std::size_t i = 0; i < N; ++i) {
    tile.w[i] = tile.w[i] * sqrt(fma(tile.x[i], tile.x[i], base));
  }
}

/// Fills a tile. `lanes_per_scale` neighbouring lanes (sub-blocks of one super-block) share a unit
/// and a mean square.
template <std::size_t N>
void load_tile(const TileSource& from, std::size_t lanes_per_scale, const Weighting& weighting,
               Tile<N>& tile) noexcept {
  Lanes peaks = all(0);
  for (std::size_t i = 0; i < N; i += 8) {
    load_columns(from.x, i, tile.x + i);
    if (from.w == nullptr) load_columns(from.u, i, tile.w + i);
    for (std::size_t k = i; k < i + 8; ++k) peaks = max(peaks, abs(tile.x[k]));
  }
  if (from.w != nullptr) std::copy_n(from.w, N, tile.w);
  alignas(64) float peak[kLanes], divide[kLanes];
  store(peak, peaks);
  for (std::size_t l = 0; l < kLanes; l += lanes_per_scale) {
    float largest = 0;
    for (std::size_t k = l; k < l + lanes_per_scale; ++k) largest = std::max(largest, peak[k]);
    const Unit unit = unit_of(largest);
    for (std::size_t k = l; k < l + lanes_per_scale; ++k) {
      tile.unit[k] = unit.multiply;
      divide[k] = unit.divide;
    }
  }
  const Lanes factor = load(divide);
  for (std::size_t i = 0; i < N; ++i) tile.x[i] = tile.x[i] * factor;
  tile.peak = peaks * factor;
  if (weighting.tempering >= 0) temper(tile, lanes_per_scale, weighting.tempering);
}

/// The weights of the tiles of a row, one after the other; empty if rows are not whole tiles.
template <std::size_t N>
std::vector<Lanes> tile_weights(std::span<const float> u) {
  constexpr std::size_t kTile = N * kLanes;
  if (u.size() % kTile != 0) return {};
  std::vector<Lanes> out(u.size() / kLanes);
  for (std::size_t first = 0; first < u.size(); first += kTile) {
    const float* from[kLanes];
    for (std::size_t l = 0; l < kLanes; ++l) from[l] = u.data() + first + l * N;
    for (std::size_t i = 0; i < N; i += 8) load_columns(from, i, out.data() + first / kLanes + i);
  }
  return out;
}

/// Calls f(source, first, count) for every run of kLanes blocks of N elements: blocks first ..
/// first + count - 1 of the matrix; missing lanes repeat the last block. Row length a multiple
/// of a super-block makes every run hold whole super-blocks.
template <std::size_t N, class F>
void for_each_tile(const EncodeInput& in, std::span<const float> u, F f) {
  const std::size_t blocks = in.rows * in.cols / N;
  const std::size_t blocks_a_row = in.cols / N;
  const std::vector<Lanes> weights = tile_weights<N>(u);
  for (std::size_t first = 0; first < blocks; first += kLanes) {
    const std::size_t count = blocks - first < kLanes ? blocks - first : kLanes;
    TileSource source;
    source.w = weights.empty() ? nullptr : weights.data() + first % blocks_a_row / kLanes * N;
    std::size_t in_row = first % blocks_a_row;
    for (std::size_t l = 0; l < kLanes; ++l) {
      source.x[l] = in.x.data() + (first + l) * N;
      source.u[l] = u.data() + in_row * N;
      if (l + 1 >= count) {  // the last one again
        std::fill(source.x + l, source.x + kLanes, source.x[l]);
        std::fill(source.u + l, source.u + kLanes, source.u[l]);
        break;
      }
      if (++in_row == blocks_a_row) in_row = 0;
    }
    f(source, first, count);
  }
}

}  // namespace quant::fit
