#include "quant/trellis/row_codec.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/bytes.h"
#include "quant/trellis/generator.h"

namespace quant {

std::vector<std::int8_t> trellis_codebook(std::size_t n, std::size_t dim, std::uint32_t offset,
                                          bool magnitudes) {
  std::vector<std::int8_t> entries(n * dim);
  for (std::size_t i = 0; i < n; ++i) {
    const auto seed = static_cast<std::uint32_t>(i) + kTrellisOffset + offset;
    trellis_values(seed, std::span(entries).subspan(i * dim, dim));
  }
  if (magnitudes) {
    for (std::int8_t& v : entries) v = static_cast<std::int8_t>(std::abs(v));
  }
  return entries;
}

namespace {
constexpr float kLargestValue = 126;
}  // namespace

void limit_row_scale(std::span<std::byte> row, int top_level) noexcept {
  if (!check_row_scale(row, top_level)) return;
  const float unit = static_cast<float>(top_level) * kLargestValue;
  const float largest = std::nextafter(std::numeric_limits<float>::max() / unit, 0.0F);
  base::store(row.data(), std::copysign(largest, base::load_f32(row.data())));
}

std::optional<BadBlock> check_row_scale(std::span<const std::byte> in, int top_level) noexcept {
  const float scale = base::load_f32(in.data());
  if (std::isfinite(scale * static_cast<float>(top_level) * kLargestValue)) return std::nullopt;
  return BadBlock{.block = 0, .offset = 0, .what = "row scale is not finite or overflows"};
}

}  // namespace quant
