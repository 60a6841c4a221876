#include "kernels/grids.h"

namespace kernels {

alignas(64) const std::int8_t grid_iq1s[2048 * 8] = {
#include "quant/codebook/data/iq1s_grid.txt.inc"
};
alignas(64) const std::int8_t grid_iq2xxs[256 * 8] = {
#include "quant/codebook/data/iq2xxs_grid.txt.inc"
};
alignas(64) const std::int8_t grid_iq2xs[512 * 8] = {
#include "quant/codebook/data/iq2xs_grid.txt.inc"
};
alignas(64) const std::int8_t grid_iq2s[1024 * 8] = {
#include "quant/codebook/data/iq2s_grid.txt.inc"
};
alignas(64) const std::int8_t grid_iq3xxs[256 * 4] = {
#include "quant/codebook/data/iq3xxs_grid.txt.inc"
};
alignas(64) const std::int8_t grid_iq3s[512 * 4] = {
#include "quant/codebook/data/iq3s_grid.txt.inc"
};
namespace {
constexpr std::int8_t kPairs[32 * 2] = {
#include "quant/iqk/data/iq2kl_grid.txt.inc"
};
}  // namespace
alignas(64) constexpr PairLevels levels_iq2kl = [] {
  PairLevels levels{};
  for (int c = 0; c < 32; ++c) {
    levels.even[c] = kPairs[2 * c];
    levels.odd[c] = kPairs[2 * c + 1];
  }
  return levels;
}();
alignas(64) const std::int8_t levels_iq5[64] = {
#include "quant/iqk/data/iq5nl_values.txt.inc"
};
alignas(64) const std::int8_t levels_iq6[128] = {
#include "quant/iqk/data/iq6nl_values.txt.inc"
};

}  // namespace kernels
