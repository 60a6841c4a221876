// A codebook with an index over the two halves of its entries, and the search for the entry nearest
// to a target in a weighted metric. Each half is clustered on its own; an entry lives in the cell
// (cluster of its first half, cluster of its second half). The distance of a cell is the sum of two
// table values in the target's own metric, so thousands of cells are ranked at the cost of two
// small tables, and only the entries of the nearest cells are looked at.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/codebook/lanes.h"
#include "quant/trellis/entry_block.h"

namespace quant {

/// Target of a search: sum w (x - s entry)^2 = const - (2 s q - s^2 p) with q = sum w x entry and
/// p = sum w entry^2.
template <int Dim>
struct TrellisTarget {
  TrellisTarget(const std::array<float, Dim>& weight, const std::array<float, Dim>& product)
      : w(weight), wx(product), integer(w, wx) {}
  std::array<float, Dim> w;   ///< weight of each coordinate, > 0
  std::array<float, Dim> wx;  ///< weight * target
  IntegerTarget<Dim> integer;
};

/// An entry and what it is worth: at scale s the error falls by 2 s q - s^2 p.
struct TrellisEntry {
  float q = 0, p = 0;
  std::uint32_t index = 0;
};

/// What a search looks at: cells that are farther than the nearest by at most `margin` times the
/// weighted variance of the entries inside a cell, and `cells` of them at most. (Where few
/// coordinates carry all weight, very many cells are near.)
struct SearchWidth {
  float margin = 1;
  std::size_t cells = 100;
};

/// Clusters: of each half; a multiple of 8, 64 at most.
template <int Dim, std::size_t Clusters>
class CodebookIndex {
  /// How many numbers are listed at a time. Most lists are shorter, and to write a few too many is
  /// cheaper than a branch that cannot be predicted.
  static constexpr std::size_t kAhead = 4;

 public:
  /// `entries`: n * Dim values, entry after entry; n a multiple of 4096. The first n / books are
  /// the first of `books` codebooks that share the cells, and so on.
  explicit CodebookIndex(const std::vector<std::int8_t>& entries, std::size_t books = 1);

  /// The best entries found of one book for each of `S` scales > 0.
  template <std::size_t S>
  using Found = std::array<TrellisEntry, S>;

  /// Cells near a target, nearest ones only, in ascending order; with room for a search of them.
  class Cells {
   public:
    explicit Cells(const CodebookIndex& index) : blocks_(index.blocks_.size() + kAhead) {}

   private:
    friend CodebookIndex;
    std::array<std::uint16_t, Clusters * Clusters + kAhead> number_;
    std::size_t count_ = 0;
    std::vector<std::int32_t> blocks_;
  };
  void choose(const TrellisTarget<Dim>& target, float scale, SearchWidth width,
              Cells& out) const noexcept;

  /// Looks at all entries of these cells; index counts within the book.
  template <std::size_t S>
  Found<S> search(const TrellisTarget<Dim>& target, Cells& cells, std::size_t book,
                  const std::array<float, S>& scales) const noexcept;

 private:
  static constexpr int kHalf = Dim / 2;
  static constexpr std::size_t kClusters = Clusters;
  static constexpr std::size_t kVectors = kClusters / kLanes;

  /// Clusters of one half: means, coordinate by coordinate, and the mean variance inside.
  struct Half {
    F8 mean[kHalf][kVectors];
    float spread[kHalf];
  };
  /// The terms of a ranking: sum c (square c - linear), the distance without its constant, over s.
  struct Ranking {
    F8 square[Dim], linear[Dim];
  };
  /// Distances of the clusters of one half beyond the nearest.
  using Distances = std::array<F8, kVectors>;

  /// Entries by cell * books + book.
  using Members = std::vector<std::vector<std::uint32_t>>;

  static Half cluster(const std::vector<std::int8_t>& entries, int first);
  static std::size_t nearest(const Half& half, const std::int8_t* point) noexcept;

  void fill_empty_cells(Members& members) const;
  std::size_t nearest_cell(std::size_t cell, std::size_t book,
                           const Members& members) const noexcept;

  Distances rank_half(std::size_t h, const Ranking& terms) const noexcept;
  /// Bit c is set where cluster c is at most `limit` away.
  static std::uint64_t within(const Distances& d, float limit) noexcept;
  /// The blocks of these cells, ascending.
  std::span<const std::int32_t> blocks_of(Cells& cells, std::size_t book) const noexcept;
  TrellisEntry entry_at(std::size_t block, int lane,
                        const TrellisTarget<Dim>& target) const noexcept;

  std::size_t books_;
  std::vector<EntryBlock<Dim>> blocks_;  ///< by cell, then book; filled up with copies
  std::vector<std::uint32_t> order_;     ///< position -> index in its book
  std::vector<std::uint32_t> start_;     ///< first block of cell * books_ + book
  std::array<Half, 2> halves_{};
};

template <int Dim, std::size_t Clusters>
template <std::size_t S>
typename CodebookIndex<Dim, Clusters>::template Found<S> CodebookIndex<Dim, Clusters>::search(
    const TrellisTarget<Dim>& target, Cells& cells, std::size_t book,
    const std::array<float, S>& scales) const noexcept {
  const IntegerTarget<Dim>& integer = target.integer;
  F8 best[S], half_scale[S];
  I8 at[S];
  for (std::size_t i = 0; i < S; ++i) {
    best[i] = splat(-1e30F);
    at[i] = splat(0);
    half_scale[i] = splat(-0.5F * scales[i] * integer.ratio);
  }
  // No branch inside: it could not be predicted, and the blocks are few.
  for (const std::int32_t block : blocks_of(cells, book)) {
    const EntryWorth worth = integer.worth(blocks_[static_cast<std::size_t>(block)]);
    const I8 position = splat(block);
    for (std::size_t i = 0; i < S; ++i) {
      // Over 2 s, in units of the integer target.
      const F8 value = fused(half_scale[i], worth.p, worth.q);
      const I8 newer = position & (value > best[i]);
      best[i] = max(best[i], value);
      at[i] = newer > at[i] ? newer : at[i];  // blocks ascend
    }
  }
  Found<S> out;
  std::int32_t last_block = 0;
  int last_lane = 0;
  for (std::size_t i = 0; i < S; ++i) {
    const int lane = std::countr_zero(mask_of(best[i] >= -lowest(-best[i])));
    const std::int32_t block = at[i][lane];
    // Neighbouring scales mostly find the same entry.
    const bool known = i > 0 && block == last_block && lane == last_lane;
    out[i] = known ? out[i - 1] : entry_at(static_cast<std::size_t>(block), lane, target);
    last_block = block, last_lane = lane;
  }
  return out;
}

extern template class CodebookIndex<8, 32>;
extern template class CodebookIndex<8, 64>;
extern template class CodebookIndex<4, 48>;

}  // namespace quant
