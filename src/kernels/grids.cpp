#include "kernels/grids.h"

namespace kernels {

alignas(64) const std::int8_t grid_iq2xxs[256 * 8] = {
#include "quant/codebook/data/iq2xxs_grid.txt.inc"
};
alignas(64) const std::int8_t grid_iq3s[512 * 4] = {
#include "quant/codebook/data/iq3s_grid.txt.inc"
};

}  // namespace kernels
