// The codebook tables and the searches over them.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "quant/codebook/grid.h"
#include "quant/codebook/magnitude_search.h"
#include "quant/codebook/scale_lines.h"
#include "quant/codebook/ternary_search.h"
#include "quant/trellis/generator.h"
#include "quant/trellis/row_codec.h"
#include "support/matrices.h"
#include "support/support.h"

namespace {

TEST(Generator, GivesTheCheckSequences) {
  std::istringstream text(
      test::read_text(test::source_path("docs/spec/tables/kt_generator_checks.txt")));
  std::string line;
  std::size_t checked = 0;
  while (std::getline(text, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    std::uint32_t seed = 0;
    fields >> seed;
    std::array<std::int8_t, 8> got{};
    quant::trellis_values(seed, got);
    for (const std::int8_t value : got) {
      int expected = 0;
      fields >> expected;
      EXPECT_EQ(value, expected) << "seed " << seed;
    }
    ++checked;
  }
  EXPECT_GT(checked, 10u);
}

TEST(Signs, EvenSignsHaveAnEvenNumberOfBits) {
  for (std::uint32_t code = 0; code < 128; ++code) {
    EXPECT_EQ(quant::even_signs(code) & 127u, code);
    EXPECT_EQ(__builtin_popcount(quant::even_signs(code)) % 2, 0);
  }
}

/// Value of entry n for one vector at scale s: s sum wx m - s^2 / 2 sum w m^2, less the cheapest
/// flip where the signs are odd.
template <class Grid>
float value_of(const Grid& grid, const quant::LaneGroups<32>& in, std::size_t n, int lane, float s,
               float unit, bool flip) {
  float value = 0, least = 1e30F;
  for (std::size_t k = 0; k < Grid::kDim; ++k) {
    const float m = static_cast<float>(grid.entry(n)[k]) / unit;
    value += s * in.wx[k][lane] * m - 0.5F * s * s * in.w[k][lane] * m * m;
    least = std::min(least, 2 * s * in.wx[k][lane] * m);
  }
  return flip ? value - least : value;
}

TEST(MagnitudeSearch, FindsTheBestEntryOfTheWholeGrid) {
  const auto x = test::gaussian(256, 0.02F, 21);
  const auto importance = test::hostile_importances(256)[2].values;
  quant::BlockInput input;
  quant::prepare_block(x.data(), importance.data(), input);
  quant::LaneGroups<32> lanes;
  quant::to_lanes<32, false>(input, 0, lanes);
  using Search =
      quant::MagnitudeSearch<quant::grid_iq2xxs, quant::kLevels2, 32, quant::Signs::even>;
  const quant::F8 s = quant::splat(0.25F);
  quant::I8 index[4] = {};
  Search::at_scale(lanes, s, index);
  for (int lane = 0; lane < quant::kLanes; ++lane) {
    const bool odd = lanes.odd[0][lane] > 0;
    const auto chosen = static_cast<std::size_t>(index[0][lane]);
    const float found = value_of(quant::grid_iq2xxs, lanes, chosen, lane, s[lane], 8, odd);
    for (std::size_t n = 0; n < 256; ++n) {
      EXPECT_LE(value_of(quant::grid_iq2xxs, lanes, n, lane, s[lane], 8, odd), found + 1e-4F) << n;
    }
  }
}

/// Eight groups of normal weights with importance. `Signed`: as ternary grids want them.
template <int E, bool Signed>
struct Groups {
  quant::BlockInput input;
  quant::LaneGroups<E> lanes;
  explicit Groups(unsigned seed) {
    const auto x = test::gaussian(256, 0.02F, seed);
    const auto importance = test::hostile_importances(256)[2].values;
    quant::prepare_block(x.data(), importance.data(), input);
    quant::to_lanes<E, Signed>(input, 0, lanes);
  }
};

/// What vector v of a lane gains by the best entry of the whole grid shifted by delta.
float most_gained(const quant::LaneGroups<16>& in, int v, int lane, float s, float delta) {
  float most = -1e30F;
  for (std::size_t n = 0; n < quant::kTernaryEntries; ++n) {
    float value = 0;
    for (int k = 0; k < 8; ++k) {
      const float m = static_cast<float>(quant::grid_iq1s.entry(n)[k]) + delta;
      const int at = 8 * v + k;
      value += s * m * (2 * in.wx[at][lane] - s * m * in.w[at][lane]);
    }
    most = std::max(most, value);
  }
  return most;
}

TEST(LargeGrids, GainWhatTheBestEntriesOfBothShiftsDo) {
  using quant::kDelta, quant::DeltaFor;
  const Groups<16, true> groups(22);
  const quant::LaneGroups<16>& in = groups.lanes;
  for (const float ratio : {0.45F, 0.8F, 1.3F}) {
    const quant::F8 s = in.peak * (ratio / (1 + kDelta));
    quant::I8 index[2];
    const auto own = quant::TernarySearch<16, DeltaFor::vector>::at_scale(in, s, index);
    const auto shared = quant::TernarySearch<16, DeltaFor::group>::at_scale(in, s, index);
    for (int lane = 0; lane < quant::kLanes; ++lane) {
      float up[2], down[2];
      for (int v = 0; v < 2; ++v) {
        up[v] = most_gained(in, v, lane, s[lane], kDelta);
        down[v] = most_gained(in, v, lane, s[lane], -kDelta);
      }
      const float for_vectors = std::max(up[0], down[0]) + std::max(up[1], down[1]);
      const float for_group = std::max(up[0] + up[1], down[0] + down[1]);
      const float bound = 1e-4F * for_vectors;
      EXPECT_NEAR(s[lane] * (2 * own.a[lane] - s[lane] * own.b[lane]), for_vectors, bound);
      EXPECT_NEAR(s[lane] * (2 * shared.a[lane] - s[lane] * shared.b[lane]), for_group, bound);
    }
  }
}

TEST(LargeGrids, FindTheBestEntryWithEvenDigitSums) {
  const Groups<32, false> groups(24);
  using Search = quant::MagnitudeSearch<quant::grid_iq2s, quant::kLevels2, 32, quant::Signs::free>;
  const quant::F8 s = quant::splat(0.2F);
  quant::I8 index[4];
  Search::at_scale(groups.lanes, s, index);
  for (int lane = 0; lane < quant::kLanes; ++lane) {
    const auto worth = [&](std::size_t n) {
      return value_of(quant::grid_iq2s, groups.lanes, n, lane, s[lane], 8, false);
    };
    const float found = worth(static_cast<std::size_t>(index[0][lane]));
    for (std::size_t n = 0; n < 1024; ++n) EXPECT_LE(worth(n), found + 1e-4F) << n;
  }
}

/// At most what the exact search gains, and at least `least` of it.
template <class Search>
void expect_near_estimates(float least) {
  const Groups<32, Search::kSigned> groups(23);
  const quant::LaneGroups<32>& lanes = groups.lanes;
  quant::LaneGroups<32> turned = lanes;
  if (Search::kEvenSigns) quant::turn_cheapest(turned);
  for (const float ratio : {0.5F, 0.8F, 1.0F}) {
    const quant::F8 s = lanes.peak * (ratio / Search::kPeakLevel);
    quant::I8 index[8] = {};
    const auto exact = Search::at_scale(lanes, s, index), near = Search::estimate(turned, s);
    const quant::F8 best = s * (2 * exact.a - s * exact.b), found = s * (2 * near.a - s * near.b);
    for (int lane = 0; lane < quant::kLanes; ++lane) {
      EXPECT_LE(found[lane], best[lane] * (1 + 1e-5F)) << "ratio " << ratio;
      EXPECT_GE(found[lane], best[lane] * least) << "ratio " << ratio;
    }
  }
}

TEST(Neighbours, EstimateNearlyWhatTheWholeGridGains) {
  using quant::DeltaFor, quant::MagnitudeSearch, quant::Signs, quant::TernarySearch;
  using quant::grid_iq2s, quant::grid_iq2xs, quant::grid_iq3s, quant::grid_iq3xxs;
  using quant::kLevels2, quant::kLevels3s, quant::kLevels3xxs, quant::kRuns3s, quant::kRuns3xxs;
  expect_near_estimates<MagnitudeSearch<grid_iq3xxs, kLevels3xxs, 32, Signs::even, kRuns3xxs>>(
      0.98F);
  expect_near_estimates<MagnitudeSearch<grid_iq3s, kLevels3s, 32, Signs::free, kRuns3s>>(0.98F);
  expect_near_estimates<MagnitudeSearch<grid_iq2s, kLevels2, 32, Signs::free>>(0.98F);
  expect_near_estimates<MagnitudeSearch<grid_iq2xs, kLevels2, 32, Signs::even>>(0.97F);
  expect_near_estimates<TernarySearch<32, DeltaFor::group>>(0.94F);
  expect_near_estimates<TernarySearch<32, DeltaFor::vector>>(0.92F);
}

TEST(Neighbours, HoldTheNearestEntriesInOrder) {
  const auto table = quant::make_neighbours(quant::grid_iq3s, quant::kLevels3s);
  ASSERT_EQ(table.size(), 4096u);
  for (std::size_t cell = 0; cell < table.size(); cell += 37) {
    std::vector<int> all;
    const auto off = [&](std::size_t k, int twice) {
      const int d = static_cast<int>(2 * quant::kLevels3s[cell >> 3 * k & 7]) - twice;
      return d * d;
    };
    for (std::size_t n = 0; n < 512; ++n) {
      int distance = 0;
      for (std::size_t k = 0; k < 4; ++k) distance += off(k, 2 * quant::grid_iq3s.entry(n)[k]);
      all.push_back(distance);
    }
    std::sort(all.begin(), all.end());
    for (std::size_t j = 0; j < quant::kNear; ++j) {
      int distance = 0;
      for (std::size_t k = 0; k < 4; ++k) {
        distance += off(k, static_cast<int>(table[cell][j] >> 8 * k & 255));
      }
      EXPECT_EQ(distance, all[j]) << "cell " << cell;
    }
  }
}

/// Compares the lists of some cells with all entries sorted.
template <class GridType>
void expect_nearest(const GridType& grid, const std::array<float, 3>& levels, float unit) {
  const quant::CellTable table = quant::make_cells(grid, levels);
  for (std::size_t cell = 0; cell < quant::CellTable::kCells; cell += 97) {
    std::array<float, 8> centre{};
    for (std::size_t k = 8, rest = cell; k-- > 0; rest /= 3) centre[k] = levels[rest % 3];
    std::vector<std::pair<float, std::size_t>> all;
    for (std::size_t n = 0; n < grid.lo.size(); ++n) {
      float distance = 0;
      for (std::size_t k = 0; k < 8; ++k) {
        const float off = centre[k] - static_cast<float>(grid.entry(n)[k]) / unit;
        distance += off * off;
      }
      all.emplace_back(distance, n);
    }
    std::sort(all.begin(), all.end());
    for (std::size_t j = 0; j < quant::kNearEntries; ++j) {
      EXPECT_EQ(table.index[cell][j], all[j].second) << "cell " << cell;
      const std::uint32_t packed = table.digits[cell][j / 2] >> 16 * (j % 2);
      for (std::size_t k = 0; k < 8; ++k) {
        const float value = static_cast<float>(grid.entry(all[j].second)[k]) / unit;
        EXPECT_EQ(levels[packed >> 2 * k & 3], value) << "cell " << cell;
      }
    }
  }
}

TEST(Cells, HoldTheNearestEntriesInOrder) {
  expect_nearest(quant::grid_iq2s, quant::kLevels2, 8);
  expect_nearest(quant::grid_iq1s, {-1, 0, 1}, 1);
}

TEST(Cells, RoundEachCoordinateAtTheBounds) {
  quant::F8 x[8];
  for (int k = 0; k < 8; ++k) x[k] = quant::splat(static_cast<float>(k % 3));  // 0 1 2 0 1 2 0 1
  const quant::I8 cell = quant::cell_of(x, quant::splat(0.5F), quant::splat(1.5F));
  EXPECT_EQ(cell[3], 1 * 729 + 2 * 243 + 0 * 81 + 1 * 27 + 2 * 9 + 0 * 3 + 1);
}

TEST(ScaleLines, TellTheGainOfTheBestLineAtTwoScales) {
  quant::ScaleLines lines;
  lines.add(quant::splat(2.0F), quant::splat(1.0F));
  lines.add(quant::splat(3.0F), quant::splat(4.0F));
  const auto both = lines.gains_at(quant::splat(0.5F), quant::splat(2.0F));
  EXPECT_FLOAT_EQ(both[0][0], 2.0F);  // 2 * 0.5 * 3 - 0.25 * 4
  EXPECT_FLOAT_EQ(both[1][0], 4.0F);  // 2 * 2 * 2 - 4 * 1
  EXPECT_FLOAT_EQ(lines.gain_at(quant::splat(2.0F))[5], 4.0F);
}

}  // namespace
