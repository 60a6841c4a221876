// Codebooks and level tables as plain bytes, for unpackers. Source: docs/spec/types/codebook.md,
// docs/spec/types/iqk.md section 2.
#pragma once

#include <cstdint>

namespace kernels {

extern const std::int8_t grid_iq1s[2048 * 8];
extern const std::int8_t grid_iq2xxs[256 * 8];
extern const std::int8_t grid_iq2xs[512 * 8];
extern const std::int8_t grid_iq2s[1024 * 8];
extern const std::int8_t grid_iq3xxs[256 * 4];
extern const std::int8_t grid_iq3s[512 * 4];
/// The pairs of iq2_kl, even and odd elements apart.
struct PairLevels {
  std::int8_t even[32], odd[32];
};
extern const PairLevels levels_iq2kl;
extern const std::int8_t levels_iq5[64];   ///< plain half, then shifted half
extern const std::int8_t levels_iq6[128];  ///< plain half, then shifted half

}  // namespace kernels
