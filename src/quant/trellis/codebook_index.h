// A codebook with an index over the two halves of its entries, and the search for the entry nearest
// to a target in a weighted metric. Each half is clustered on its own; an entry lives in the cell
// (cluster of its first half, cluster of its second half). The distance of a cell is the sum of two
// table values in the target's own metric, so thousands of cells are ranked at the cost of two
// small tables, and only the entries of the nearest cells are looked at.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "quant/codebook/lanes.h"

namespace quant {

/// Target of a search: sum w (x - s entry)^2 = const - (2 s q - s^2 p) with q = sum w x entry and
/// p = sum w entry^2.
template <int Dim>
struct TrellisTarget {
  F8 w[Dim];   ///< weight of coordinate k in all lanes
  F8 wx[Dim];  ///< weight * target
};

/// An entry and what it is worth: at scale s the error falls by 2 s q - s^2 p.
struct TrellisEntry {
  float q = 0, p = 0;
  std::uint32_t index = 0;
};

/// What a search looks at: cells that are farther than the nearest by at most `margin` times the
/// weighted variance of the entries inside a cell, and about `cells` of them at most. (Where few
/// coordinates carry all weight, very many cells are near.)
struct SearchWidth {
  float margin = 1;
  int cells = 100;
};

template <int Dim>
class CodebookIndex {
 public:
  /// `entries`: n * Dim values, entry after entry; n a multiple of 4096.
  explicit CodebookIndex(const std::vector<std::int8_t>& entries);

  /// The best entry found for each of `S` scales > 0. Cells are ranked at `rank_scale`.
  template <std::size_t S>
  std::array<TrellisEntry, S> search(const TrellisTarget<Dim>& target,
                                     const std::array<float, S>& scales, float rank_scale,
                                     SearchWidth width) const noexcept;

 private:
  static constexpr int kHalf = Dim / 2;
  static constexpr std::size_t kClusters = 64;
  static constexpr std::size_t kVectors = kClusters / kLanes;
  static constexpr std::size_t kMostBlocks = 8192;

  /// Eight entries, coordinate by coordinate. Bytes: a codebook of floats would not stay in the
  /// second-level cache, and fetching it was most of the time.
  struct alignas(8) Block {
    std::int8_t at[Dim][kLanes];
  };
  /// Clusters of one half: means, coordinate by coordinate, and the mean variance inside.
  struct Half {
    F8 mean[kHalf][kVectors];
    float spread[kHalf];
  };
  /// The terms of a ranking: sum c (square c - linear), the distance without its constant, over s.
  struct Ranking {
    F8 square[Dim], linear[Dim];
    float cell_margin;
  };

  /// Distances of the clusters of both halves beyond the nearest of each.
  struct HalfDistances {
    F8 first[kVectors], second[kVectors];
  };

  static Half cluster(const std::vector<std::int8_t>& entries, int first);
  static std::size_t nearest(const Half& half, const std::int8_t* point) noexcept;

  Ranking ranking(const TrellisTarget<Dim>& target, float scale, float margin) const noexcept;
  /// Distances of all clusters of half `h`, beyond that of the nearest.
  void rank_half(int h, const Ranking& terms, F8* distance) const noexcept;
  static int count_cells(const HalfDistances& distances, float margin) noexcept;
  /// Numbers of the blocks worth looking at, in `out`; returns how many, kMostBlocks at most.
  std::size_t choose_blocks(const Ranking& terms, int cells, std::uint16_t* out) const noexcept;
  TrellisEntry entry_at(std::size_t position, const TrellisTarget<Dim>& target) const noexcept;

  std::vector<Block> blocks_;         ///< entries sorted by cell
  std::vector<std::uint32_t> order_;  ///< position -> index in the codebook
  std::array<std::uint32_t, kClusters * kClusters + 1> start_{};  ///< first position of a cell
  std::array<Half, 2> halves_{};
};

template <int Dim>
template <std::size_t S>
std::array<TrellisEntry, S> CodebookIndex<Dim>::search(const TrellisTarget<Dim>& target,
                                                       const std::array<float, S>& scales,
                                                       float rank_scale,
                                                       SearchWidth width) const noexcept {
  const Ranking terms = ranking(target, rank_scale, width.margin);
  std::uint16_t chosen[kMostBlocks];
  const std::size_t n = choose_blocks(terms, width.cells, chosen);
  F8 best[S];
  I8 at[S];
  for (std::size_t i = 0; i < S; ++i) {
    best[i] = splat(-1e30F);
    at[i] = splat(0);
  }
  F8 half_scale[S];
  for (std::size_t i = 0; i < S; ++i) half_scale[i] = splat(-0.5F * scales[i]);
  for (std::size_t b = 0; b < n; ++b) {
    const Block& block = blocks_[chosen[b]];
    F8 q = splat(0.0F), p = splat(0.0F);
    for (int k = 0; k < Dim; ++k) {
      const F8 c = widen8(block.at[k]);
      q = fused(target.wx[k], c, q);
      p = fused(target.w[k], c * c, p);
    }
    F8 value[S];  // over 2 s
    I8 any = splat(0);
    for (std::size_t i = 0; i < S; ++i) {
      value[i] = fused(half_scale[i], p, q);
      any |= value[i] > best[i];
    }
    if (mask_of(any) == 0) continue;  // nearly always, after the first few
    const I8 position = splat(static_cast<std::int32_t>(chosen[b]));
    for (std::size_t i = 0; i < S; ++i) {
      const I8 better = value[i] > best[i];
      best[i] = better ? value[i] : best[i];
      at[i] = better ? position : at[i];
    }
  }
  std::array<TrellisEntry, S> out;
  for (std::size_t i = 0; i < S; ++i) {
    int lane = 0;
    for (int j = 1; j < kLanes; ++j) lane = best[i][j] > best[i][lane] ? j : lane;
    out[i] = entry_at(static_cast<std::size_t>(at[i][lane] * kLanes + lane), target);
  }
  return out;
}

extern template class CodebookIndex<8>;
extern template class CodebookIndex<4>;

}  // namespace quant
