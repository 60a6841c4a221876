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
  std::uint32_t place = 0;  ///< in the order of the CodebookIndex
};

/// What a search looks at: cells that are farther than the nearest by at most `margin` times the
/// weighted variance of the entries inside a cell, and `cells` of them at most. (Where few
/// coordinates carry all weight, very many cells are near.)
struct SearchWidth {
  float margin = 1;
  std::size_t cells = 100;
};

/// Clusters: of each half; a multiple of 8, 64 at most. Books: 1 or 2 codebooks that share the
/// cells and are searched together, each in its own lanes.
template <int Dim, std::size_t Clusters, std::size_t Books = 1>
class CodebookIndex {
  /// How many cells and blocks are listed at a time. Most lists are shorter, and to write a few too
  /// many is cheaper than a branch that cannot be predicted.
  static constexpr std::size_t kCellsAhead = 4, kBlocksAhead = 16;

 public:
  /// `entries`: n * Dim values, entry after entry; n a multiple of 4096. The first n / Books are
  /// the first codebook, and so on; 65536 at most in each.
  explicit CodebookIndex(const std::vector<std::int8_t>& entries);

  /// The best entries found for each of `S` scales > 0, by book.
  template <std::size_t S>
  using Found = std::array<std::array<TrellisEntry, S>, Books>;

  /// Cells near a target, nearest ones only, in ascending order; with room for a search of them.
  class Cells {
   public:
    explicit Cells(const CodebookIndex& index) : blocks_(index.blocks_.size() + kBlocksAhead) {}

   private:
    friend CodebookIndex;
    std::array<std::uint16_t, Clusters * Clusters + kCellsAhead> number_;
    std::size_t count_ = 0;
    std::vector<std::int32_t> blocks_;
  };
  void choose(const TrellisTarget<Dim>& target, float scale, SearchWidth width,
              Cells& out) const noexcept;

  /// Looks at all entries of these cells.
  template <std::size_t S>
  Found<S> search(const TrellisTarget<Dim>& target, Cells& cells,
                  const std::array<float, S>& scales) const noexcept;

  /// Index within its book of an entry that was found.
  std::uint32_t index_of(std::uint32_t place) const noexcept { return order_[place]; }

 private:
  static constexpr std::size_t kBookLanes = kLanes / Books;
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

  /// Entries by cell * Books + book.
  using Members = std::vector<std::vector<std::uint32_t>>;

  static Half cluster(const std::vector<std::int8_t>& entries, int first);
  static std::size_t nearest(const Half& half, const std::int8_t* point) noexcept;

  void fill_empty_cells(Members& members) const;
  void add_cell(std::span<const std::vector<std::uint32_t>, Books> members,
                const std::vector<std::int8_t>& entries);
  std::size_t nearest_cell(std::size_t cell, std::size_t book,
                           const Members& members) const noexcept;

  Distances rank_half(std::size_t h, const Ranking& terms) const noexcept;
  /// Bit c is set where cluster c is at most `limit` away.
  static std::uint64_t within(const Distances& d, float limit) noexcept;
  /// The blocks of these cells, ascending.
  std::span<const std::int32_t> blocks_of(Cells& cells) const noexcept;
  /// Bit i is set where lane i is the largest of its book.
  static unsigned largest(F8 v) noexcept {
    F8 top = max(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6));
    top = max(top, __builtin_shufflevector(top, top, 2, 3, 0, 1, 6, 7, 4, 5));
    if constexpr (Books == 1) {
      top = max(top, __builtin_shufflevector(top, top, 4, 5, 6, 7, 0, 1, 2, 3));
    }
    return mask_of(v >= top);
  }
  TrellisEntry entry_at(std::size_t block, int lane,
                        const TrellisTarget<Dim>& target) const noexcept {
    const EntryBlock<Dim>& entries = blocks_[block];
    float q[Dim], p[Dim];
    for (std::size_t k = 0; k < Dim; ++k) {
      const float c = entries.value(static_cast<int>(k), lane);
      q[k] = target.wx[k] * c;
      p[k] = target.w[k] * c * c;
    }
    TrellisEntry out{
        .q = q[0],
        .p = p[0],
        .place = static_cast<std::uint32_t>(block * kLanes) + static_cast<std::uint32_t>(lane)};
    for (int k = 1; k < Dim; ++k) {
      out.q += q[k];
      out.p += p[k];
    }
    return out;
  }

  std::vector<EntryBlock<Dim>> blocks_;  ///< by cell; each book in its lanes, filled up with copies
  std::vector<std::uint16_t> order_;     ///< by block and lane: index in its book
  std::vector<std::uint32_t> start_;     ///< first block of each cell
  std::array<Half, 2> halves_{};
};

template <int Dim, std::size_t Clusters, std::size_t Books>
template <std::size_t S>
typename CodebookIndex<Dim, Clusters, Books>::template Found<S>
CodebookIndex<Dim, Clusters, Books>::search(const TrellisTarget<Dim>& target, Cells& cells,
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
  for (const std::int32_t block : blocks_of(cells)) {
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
  std::array<std::int32_t, Books> last_block;
  std::array<int, Books> last_lane;
  for (std::size_t i = 0; i < S; ++i) {
    const unsigned mask = largest(best[i]);
    for (std::size_t book = 0; book < Books; ++book) {
      const int first = static_cast<int>(book * kBookLanes);
      const int lane = first + std::countr_zero(mask >> first);
      const std::int32_t block = at[i][lane];
      // Neighbouring scales mostly find the same entry.
      const bool known = i > 0 && block == last_block[book] && lane == last_lane[book];
      out[book][i] =
          known ? out[book][i - 1] : entry_at(static_cast<std::size_t>(block), lane, target);
      last_block[book] = block, last_lane[book] = lane;
    }
  }
  return out;
}

extern template class CodebookIndex<8, 32>;
extern template class CodebookIndex<8, 64>;
extern template class CodebookIndex<4, 48, 2>;

}  // namespace quant
