// The codebook tables and the searches over them.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "quant/codebook/grid.h"
#include "quant/codebook/magnitude_search.h"
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

TEST(LargeGrids, SearchFromAnyHintFindsTheSameValue) {
  const auto x = test::gaussian(256, 0.02F, 22);
  quant::BlockInput input;
  quant::prepare_block(x.data(), nullptr, input);
  quant::LaneGroups<16> lanes;
  quant::to_lanes<16, false>(input, 0, lanes);
  using Search = quant::MagnitudeSearch<quant::grid_iq2s, quant::kLevels2, 16, quant::Signs::free>;
  const quant::F8 s = quant::splat(0.2F);
  quant::I8 first[2] = {quant::splat(0), quant::splat(0)};
  quant::I8 second[2] = {quant::splat(777), quant::splat(1023)};
  const auto a = Search::at_scale(lanes, s, first), b = Search::at_scale(lanes, s, second);
  for (int lane = 0; lane < quant::kLanes; ++lane) {
    EXPECT_NEAR(a.a[lane], b.a[lane], 1e-4F * a.a[lane]);
    EXPECT_NEAR(a.b[lane], b.b[lane], 1e-4F * a.b[lane]);
  }
}

/// At most what the exact search gains, and at least `least` of it.
template <class Search>
void expect_near_estimates(bool even, float least) {
  const auto x = test::gaussian(256, 0.02F, 23);
  const auto importance = test::hostile_importances(256)[2].values;
  quant::BlockInput input;
  quant::prepare_block(x.data(), importance.data(), input);
  quant::LaneGroups<32> lanes;
  quant::to_lanes<32, false>(input, 0, lanes);
  quant::LaneGroups<32> turned = lanes;
  if (even) quant::turn_cheapest(turned);
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
  using quant::MagnitudeSearch, quant::Signs;
  expect_near_estimates<
      MagnitudeSearch<quant::grid_iq3xxs, quant::kLevels3xxs, 32, Signs::even, quant::kRuns3xxs>>(
      true, 0.98F);
  expect_near_estimates<
      MagnitudeSearch<quant::grid_iq3s, quant::kLevels3s, 32, Signs::free, quant::kRuns3s>>(false,
                                                                                            0.98F);
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

}  // namespace
