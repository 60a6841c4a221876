#include "quant/trellis/codebook_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "quant/trellis/row_codec.h"

namespace {

using Index = quant::CodebookIndex<4, 48, 2>;
using Target = quant::TrellisTarget<4>;

constexpr std::size_t kEntries = 8192, kBooks = 2, kInBook = kEntries / kBooks;

std::vector<std::int8_t> entries() { return quant::trellis_codebook(kEntries, 4, 0, false); }

Target target(std::mt19937& random) {
  std::normal_distribution<float> normal(0, 40);
  std::uniform_real_distribution<float> weight(0.5F, 2);
  std::array<float, 4> w{}, wx{};
  for (std::size_t k = 0; k < 4; ++k) {
    w[k] = weight(random);
    wx[k] = w[k] * normal(random);
  }
  return {w, wx};
}

float gain(const Target& t, const std::int8_t* entry, float scale) {
  float total = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const float y = scale * static_cast<float>(entry[k]);
    total += 2 * t.wx[k] * y - t.w[k] * y * y;
  }
  return total;
}

float best_gain(const Target& t, const std::vector<std::int8_t>& all, std::size_t book, float s) {
  float best = -1e30F;
  for (std::size_t i = book * kInBook; i < (book + 1) * kInBook; ++i) {
    best = std::max(best, gain(t, all.data() + 4 * i, s));
  }
  return best;
}

/// The part of the exact gain that searches of this width reach, over targets, books and scales.
float part_found(quant::SearchWidth width) {
  const auto all = entries();
  const Index index(all);
  Index::Cells cells(index);
  std::mt19937 random(7);
  float found_gain = 0, exact_gain = 0;
  for (int round = 0; round < 40; ++round) {
    const Target t = target(random);
    const std::array<float, 3> scales = {0.9F, 1.0F, 1.1F};
    index.choose(t, scales[1], width, cells);
    const auto found_of_book = index.search(t, cells, scales);
    for (std::size_t book = 0; book < kBooks; ++book) {
      const auto& found = found_of_book[book];
      for (std::size_t i = 0; i < scales.size(); ++i) {
        const float s = scales[i];
        const float got =
            gain(t, all.data() + 4 * (book * kInBook + index.index_of(found[i].place)), s);
        EXPECT_NEAR(s * (2 * found[i].q - s * found[i].p), got, std::abs(got) * 1e-4F);
        found_gain += got;
        exact_gain += best_gain(t, all, book, s);
      }
    }
  }
  return found_gain / exact_gain;
}

TEST(CodebookIndex, FindsTheNearestEntryWhenItLooksEverywhere) {
  EXPECT_GT(part_found({.margin = 1e6F, .cells = 48 * 48}), 0.9999F);
}

TEST(CodebookIndex, MissesLittleWhenItLooksAtNearCells) {
  EXPECT_GT(part_found({.margin = 2, .cells = 100}), 0.97F);
}

}  // namespace
