#include "quant/trellis/codebook_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace quant {

template <int Dim, std::size_t Clusters, std::size_t Books>
CodebookIndex<Dim, Clusters, Books>::CodebookIndex(const std::vector<std::int8_t>& entries) {
  const std::size_t n = entries.size() / Dim, n_book = n / Books;
  for (int h = 0; h < 2; ++h) halves_[static_cast<std::size_t>(h)] = cluster(entries, h * kHalf);
  Members members(kClusters * kClusters * Books);
  for (std::size_t i = 0; i < n; ++i) {
    const std::int8_t* entry = entries.data() + i * Dim;
    const std::size_t cell =
        nearest(halves_[0], entry) * kClusters + nearest(halves_[1], entry + kHalf);
    members[cell * Books + i / n_book].push_back(static_cast<std::uint32_t>(i));
  }
  fill_empty_cells(members);
  start_.push_back(0);
  for (std::size_t first = 0; first < members.size(); first += Books) {
    add_cell(std::span<const std::vector<std::uint32_t>, Books>(&members[first], Books), entries);
    start_.push_back(static_cast<std::uint32_t>(blocks_.size()));
  }
}

/// `members`: of each book, not empty.
template <int Dim, std::size_t Clusters, std::size_t Books>
void CodebookIndex<Dim, Clusters, Books>::add_cell(
    std::span<const std::vector<std::uint32_t>, Books> members,
    const std::vector<std::int8_t>& entries) {
  const std::size_t n_book = entries.size() / Dim / Books;
  std::size_t longest = 0;
  for (const auto& of_book : members) longest = std::max(longest, of_book.size());
  for (std::size_t first = 0; first < longest; first += kBookLanes) {
    EntryBlock<Dim> block;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const auto& of_book = members[lane / kBookLanes];
      const std::uint32_t i = of_book[std::min(first + lane % kBookLanes, of_book.size() - 1)];
      order_.push_back(static_cast<std::uint16_t>(i % n_book));
      for (int k = 0; k < Dim; ++k) {
        block.value(k, static_cast<int>(lane)) = entries[i * Dim + static_cast<std::size_t>(k)];
      }
    }
    blocks_.push_back(block);
  }
}

template <int Dim, std::size_t Clusters, std::size_t Books>
std::size_t CodebookIndex<Dim, Clusters, Books>::nearest(const Half& half,
                                                         const std::int8_t* point) noexcept {
  F8 least = splat(1e30F);
  I8 at = splat(0);
  for (std::size_t v = 0; v < kVectors; ++v) {
    F8 distance = splat(0.0F);
    for (int k = 0; k < kHalf; ++k) {
      const F8 difference = half.mean[k][v] - static_cast<float>(point[k]);
      distance += difference * difference;
    }
    const I8 nearer = distance < least;
    least = nearer ? distance : least;
    at = nearer ? splat(static_cast<std::int32_t>(v)) : at;
  }
  std::size_t lane = 0;
  for (std::size_t j = 1; j < kLanes; ++j) lane = least[j] < least[lane] ? j : lane;
  return static_cast<std::size_t>(at[lane]) * kLanes + lane;
}

/// Gives cells without entries those of the nearest cell that has some, so that a search never
/// comes back with nothing.
template <int Dim, std::size_t Clusters, std::size_t Books>
void CodebookIndex<Dim, Clusters, Books>::fill_empty_cells(Members& members) const {
  const Members own = members;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (own[i].empty()) members[i] = own[nearest_cell(i / Books, i % Books, own)];
  }
}

/// Where to find the members of the nearest cell that has some of this book.
template <int Dim, std::size_t Clusters, std::size_t Books>
std::size_t CodebookIndex<Dim, Clusters, Books>::nearest_cell(
    std::size_t cell, std::size_t book, const Members& members) const noexcept {
  const auto apart = [this](std::size_t h, std::size_t a, std::size_t b) {
    float total = 0;
    for (const auto& mean : halves_[h].mean) {
      const float difference = mean[a / kLanes][a % kLanes] - mean[b / kLanes][b % kLanes];
      total += difference * difference;
    }
    return total;
  };
  float least = 1e30F;
  std::size_t found = 0;
  for (std::size_t other = 0; other < kClusters * kClusters; ++other) {
    if (members[other * Books + book].empty()) continue;
    const float distance = apart(0, cell / kClusters, other / kClusters) +
                           apart(1, cell % kClusters, other % kClusters);
    if (distance < least) least = distance, found = other * Books + book;
  }
  return found;
}

/// Lloyd's algorithm on an even sample of the entries: clusters of coordinates first .. first +
/// kHalf.
template <int Dim, std::size_t Clusters, std::size_t Books>
typename CodebookIndex<Dim, Clusters, Books>::Half CodebookIndex<Dim, Clusters, Books>::cluster(
    const std::vector<std::int8_t>& entries, int first) {
  constexpr std::size_t kSample = 4096;
  constexpr int kRounds = 10;
  const std::size_t stride = entries.size() / Dim / kSample * Dim;
  const auto point = [&](std::size_t i) { return entries.data() + i * stride + first; };
  Half half{};
  for (std::size_t c = 0; c < kClusters; ++c) {
    for (int k = 0; k < kHalf; ++k) {
      const std::int8_t* first_guess = point(c * (kSample / kClusters));
      half.mean[k][c / kLanes][c % kLanes] = first_guess[k];
    }
  }
  for (int round = 0; round < kRounds; ++round) {
    std::array<std::array<int, kHalf>, kClusters> total{}, squares{};
    std::array<int, kClusters> count{};
    for (std::size_t i = 0; i < kSample; ++i) {
      const std::size_t c = nearest(half, point(i));
      ++count[c];
      for (std::size_t k = 0; k < kHalf; ++k) {
        const std::int8_t v = point(i)[k];
        total[c][k] += v;
        squares[c][k] += v * v;
      }
    }
    for (float& spread : half.spread) spread = 0;
    for (std::size_t c = 0; c < kClusters; ++c) {
      if (count[c] == 0) continue;
      for (std::size_t k = 0; k < kHalf; ++k) {
        const float mean = static_cast<float>(total[c][k]) / static_cast<float>(count[c]);
        half.mean[k][c / kLanes][c % kLanes] = mean;
        half.spread[k] +=
            (static_cast<float>(squares[c][k]) - mean * static_cast<float>(total[c][k])) /
            static_cast<float>(kSample);
      }
    }
  }
  return half;
}

template <int Dim, std::size_t Clusters, std::size_t Books>
typename CodebookIndex<Dim, Clusters, Books>::Distances
CodebookIndex<Dim, Clusters, Books>::rank_half(std::size_t h, const Ranking& terms) const noexcept {
  const Half& half = halves_[h];
  Distances distance;
  F8 least = splat(1e30F);
  for (std::size_t v = 0; v < kVectors; ++v) {
    F8 total = splat(0.0F);
    for (std::size_t k = 0; k < kHalf; ++k) {
      const F8 c = half.mean[k][v];
      total = fused(c, fused(terms.square[h * kHalf + k], c, terms.linear[h * kHalf + k]), total);
    }
    distance[v] = total;
    least = min(least, total);
  }
  const F8 nearest = splat(lowest(least));
  for (F8& d : distance) d -= nearest;
  return distance;
}

template <int Dim, std::size_t Clusters, std::size_t Books>
std::uint64_t CodebookIndex<Dim, Clusters, Books>::within(const Distances& d,
                                                          float limit) noexcept {
  std::uint64_t mask = 0;
  for (std::size_t v = 0; v < kVectors; ++v) {
    mask |= std::uint64_t{mask_of(d[v] <= limit)} << (v * kLanes);
  }
  return mask;
}

template <int Dim, std::size_t Clusters, std::size_t Books>
void CodebookIndex<Dim, Clusters, Books>::choose(const TrellisTarget<Dim>& target, float scale,
                                                 SearchWidth width, Cells& out) const noexcept {
  Ranking terms;
  float margin = 0;
  for (std::size_t k = 0; k < Dim; ++k) {
    const float square = target.w[k] * scale;
    terms.square[k] = splat(square);
    terms.linear[k] = splat(-2.0F * target.wx[k]);
    margin += square * halves_[k / kHalf].spread[k % kHalf];
  }
  margin *= width.margin;
  const Distances first = rank_half(0, terms), second = rank_half(1, terms);
  for (;; margin *= 0.6F) {
    out.count_ = 0;
    std::uint64_t near = within(first, margin);
    for (; near != 0 && out.count_ <= width.cells; near &= near - 1) {
      const auto a = static_cast<std::size_t>(std::countr_zero(near));
      std::uint64_t mask = within(second, margin - first[a / kLanes][a % kLanes]);
      std::uint16_t* to = out.number_.data() + out.count_;
      const auto n = static_cast<std::size_t>(std::popcount(mask));
      out.count_ += n;
      for (std::size_t i = 0; i < n; i += kCellsAhead) {
        for (std::size_t k = i; k < i + kCellsAhead; ++k, mask &= mask - 1) {
          const auto b = static_cast<std::size_t>(std::countr_zero(mask));
          to[k] = static_cast<std::uint16_t>(a * kClusters + b);
        }
      }
    }
    if (near == 0 && out.count_ <= width.cells) return;
  }
}

template <int Dim, std::size_t Clusters, std::size_t Books>
std::span<const std::int32_t> CodebookIndex<Dim, Clusters, Books>::blocks_of(
    Cells& cells) const noexcept {
  constexpr I8 kAhead = {0, 1, 2, 3, 4, 5, 6, 7};
  std::int32_t* const blocks = cells.blocks_.data();
  std::size_t count = 0;
  for (std::size_t c = 0; c < cells.count_; ++c) {
    const std::uint32_t first = start_[cells.number_[c]];
    const std::size_t n = start_[cells.number_[c] + 1U] - first;
    I8 next = splat(static_cast<std::int32_t>(first)) + kAhead;
    for (std::size_t i = 0; i < n; i += kBlocksAhead) {
      for (std::size_t k = i; k < i + kBlocksAhead; k += kLanes, next += kLanes) {
        __builtin_memcpy(blocks + count + k, &next, sizeof next);
      }
    }
    count += n;
  }
  return {blocks, count};
}

template class CodebookIndex<8, 32>;
template class CodebookIndex<8, 64>;
template class CodebookIndex<4, 48, 2>;

}  // namespace quant
