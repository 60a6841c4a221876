// Codebooks of the grid formats as plain bytes, for unpackers. Source: docs/spec/types/codebook.md.
#pragma once

#include <cstdint>

namespace kernels {

extern const std::int8_t grid_iq2xxs[256 * 8];
extern const std::int8_t grid_iq3s[512 * 4];

}  // namespace kernels
