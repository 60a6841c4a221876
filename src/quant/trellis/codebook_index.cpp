#include "quant/trellis/codebook_index.h"

#include <algorithm>
#include <numeric>

namespace quant {

template <int Dim>
CodebookIndex<Dim>::CodebookIndex(const std::vector<std::int8_t>& entries)
    : blocks_(entries.size() / Dim / kLanes), order_(entries.size() / Dim) {
  std::vector<std::uint16_t> cell(order_.size());
  for (int h = 0; h < 2; ++h) halves_[static_cast<std::size_t>(h)] = cluster(entries, h * kHalf);
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const std::int8_t* entry = entries.data() + i * Dim;
    cell[i] = static_cast<std::uint16_t>(nearest(halves_[0], entry) * kClusters +
                                         nearest(halves_[1], entry + kHalf));
    ++start_[cell[i] + 1U];
  }
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::stable_sort(order_, {}, [&](std::uint32_t i) { return cell[i]; });
  std::partial_sum(start_.begin(), start_.end(), start_.begin());
  for (std::size_t at = 0; at < order_.size(); ++at) {
    for (std::size_t k = 0; k < Dim; ++k) {
      blocks_[at / kLanes].at[k][at % kLanes] = entries[order_[at] * Dim + k];
    }
  }
}

template <int Dim>
std::size_t CodebookIndex<Dim>::nearest(const Half& half, const std::int8_t* point) noexcept {
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

/// Lloyd's algorithm on an even sample of the entries: clusters of coordinates first .. first +
/// kHalf.
template <int Dim>
typename CodebookIndex<Dim>::Half CodebookIndex<Dim>::cluster(
    const std::vector<std::int8_t>& entries, int first) {
  constexpr std::size_t kSample = 4096;
  constexpr int kRounds = 10;
  const std::size_t stride = entries.size() / Dim / kSample * Dim;
  const auto point = [&](std::size_t i) { return entries.data() + i * stride + first; };
  Half half{};
  for (std::size_t c = 0; c < kClusters; ++c) {
    for (int k = 0; k < kHalf; ++k) {
      half.mean[k][c / kLanes][c % kLanes] = point(c * (kSample / kClusters))[k];
    }
  }
  for (int round = 0; round < kRounds; ++round) {
    std::array<std::array<int, kHalf>, kClusters> total{}, squares{};
    std::array<int, kClusters> count{};
    for (std::size_t i = 0; i < kSample; ++i) {
      const std::size_t c = nearest(half, point(i));
      ++count[c];
      for (std::size_t k = 0; k < kHalf; ++k) {
        const int v = point(i)[k];
        total[c][k] += v;
        squares[c][k] += v * v;
      }
    }
    for (std::size_t k = 0; k < kHalf; ++k) {
      half.spread[k] = 0;
      for (std::size_t c = 0; c < kClusters; ++c) {
        if (count[c] == 0) continue;
        const float mean = static_cast<float>(total[c][k]) / static_cast<float>(count[c]);
        half.mean[k][c / kLanes][c % kLanes] = mean;
        half.spread[k] +=
            static_cast<float>(squares[c][k]) - mean * static_cast<float>(total[c][k]);
      }
      half.spread[k] /= static_cast<float>(kSample);
    }
  }
  return half;
}

template <int Dim>
typename CodebookIndex<Dim>::Ranking CodebookIndex<Dim>::ranking(const TrellisTarget<Dim>& target,
                                                                 float scale,
                                                                 float margin) const noexcept {
  Ranking terms;
  float spread = 0;
  for (std::size_t k = 0; k < Dim; ++k) {
    terms.square[k] = target.w[k] * scale;
    terms.linear[k] = -2.0F * target.wx[k];
    spread += terms.square[k][0] * halves_[k / kHalf].spread[k % kHalf];
  }
  terms.cell_margin = margin * spread;
  return terms;
}

template <int Dim>
void CodebookIndex<Dim>::rank_half(int h, const Ranking& terms, F8* distance) const noexcept {
  const Half& half = halves_[static_cast<std::size_t>(h)];
  F8 least = splat(1e30F);
  for (std::size_t v = 0; v < kVectors; ++v) {
    F8 total = splat(0.0F);
    for (int k = 0; k < kHalf; ++k) {
      const F8 c = half.mean[k][v];
      total = fused(c, fused(terms.square[h * kHalf + k], c, terms.linear[h * kHalf + k]), total);
    }
    distance[v] = total;
    least = min(least, total);
  }
  const F8 nearest = splat(lowest(least));
  for (std::size_t v = 0; v < kVectors; ++v) distance[v] -= nearest;
}

/// Cells within `margin` of the nearest.
template <int Dim>
int CodebookIndex<Dim>::count_cells(const HalfDistances& d, float margin) noexcept {
  I8 count = splat(0);
  for (std::size_t a = 0; a < kClusters; ++a) {
    const float limit = margin - d.first[a / kLanes][a % kLanes];
    if (limit < 0) continue;
    for (std::size_t v = 0; v < kVectors; ++v) count -= d.second[v] <= limit;
  }
  int total = 0;
  for (int j = 0; j < kLanes; ++j) total += count[j];
  return total;
}

template <int Dim>
std::size_t CodebookIndex<Dim>::choose_blocks(const Ranking& terms, int cells,
                                              std::uint16_t* out) const noexcept {
  HalfDistances d;
  rank_half(0, terms, d.first);
  rank_half(1, terms, d.second);
  float margin = terms.cell_margin;
  while (count_cells(d, margin) > cells) margin *= 0.7F;
  std::size_t found = 0;
  std::uint32_t next = 0;  // blocks below it are in the list or were passed
  for (std::size_t a = 0; a < kClusters; ++a) {
    // What the second half may cost beside this first half.
    const float limit = margin - d.first[a / kLanes][a % kLanes];
    if (limit < 0) continue;
    for (std::size_t v = 0; v < kVectors; ++v) {
      unsigned mask = mask_of(d.second[v] <= limit);
      for (; mask != 0; mask &= mask - 1) {
        const std::size_t cell =
            a * kClusters + v * kLanes + static_cast<std::size_t>(__builtin_ctz(mask));
        const std::uint32_t begin = start_[cell], end = start_[cell + 1];
        if (begin == end) continue;
        for (std::uint32_t block = std::max(next, begin / kLanes); block <= (end - 1) / kLanes;
             ++block) {
          if (found == kMostBlocks) return found;
          out[found++] = static_cast<std::uint16_t>(block);
          next = block + 1;
        }
      }
    }
  }
  return found;
}

template <int Dim>
TrellisEntry CodebookIndex<Dim>::entry_at(std::size_t position,
                                          const TrellisTarget<Dim>& target) const noexcept {
  TrellisEntry out{.index = order_[position]};
  for (int k = 0; k < Dim; ++k) {
    const float c = blocks_[position / kLanes].at[k][position % kLanes];
    out.q += target.wx[k][0] * c;
    out.p += target.w[k][0] * c * c;
  }
  return out;
}

template class CodebookIndex<8>;
template class CodebookIndex<4>;

}  // namespace quant
