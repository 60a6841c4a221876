// q8_KV_r8: 8 rows of q8_KV woven; the sums of codes are dropped and recomputed when unwoven.
// Source: docs/spec/types/interleaved.md, section 18.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/bytes.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kRows = 8, kMeta = 4, kPlainMeta = 8;

/// Byte of column i of row k in the group.
std::size_t place(std::size_t k, std::size_t i) noexcept {
  return kRows * kMeta + 32 * (i / 4) + 4 * k + i % 4;
}

void weave(std::span<const std::byte> rows, std::size_t cols, std::span<std::byte> group) noexcept {
  for (std::size_t k = 0; k < kRows; ++k) {
    const std::byte* row = rows.data() + k * (kPlainMeta + cols);
    std::copy_n(row, kMeta, group.data() + k * kMeta);
    for (std::size_t i = 0; i < cols; ++i) group[place(k, i)] = row[kPlainMeta + i];
  }
}

void unweave(std::span<const std::byte> group, std::size_t cols,
             std::span<std::byte> rows) noexcept {
  for (std::size_t k = 0; k < kRows; ++k) {
    std::byte* row = rows.data() + k * (kPlainMeta + cols);
    std::copy_n(group.data() + k * kMeta, kMeta, row);
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < cols; ++i) {
      row[kPlainMeta + i] = group[place(k, i)];
      sum += base::load_i8(row + kPlainMeta + i);
    }
    base::store(row + kMeta, sum);
  }
}

float weight(std::span<const std::byte> group, std::size_t k, std::size_t i) noexcept {
  return base::load_f32(group.data() + k * kMeta) *
         static_cast<float>(base::load_i8(group.data() + place(k, i)));
}

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  for (std::size_t k = 0; k < kRows; ++k) {
    for (std::size_t i = 0; i < cols; ++i) out[k * cols + i] = weight(in, k, i);
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  std::vector<std::byte> rows(in.rows * (kPlainMeta + in.cols));
  q8_KV.encode(in, rows);
  const std::size_t from = kRows * (kPlainMeta + in.cols), to = kRows * (kMeta + in.cols);
  for (std::size_t g = 0; g < in.rows / kRows; ++g) {
    weave(std::span(rows).subspan(g * from, from), in.cols, out.subspan(g * to, to));
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t k = 0; k < kRows; ++k) {
    if (!std::isfinite(base::load_f32(in.data() + k * kMeta))) {
      return BadBlock{.block = 0, .offset = k * kMeta, .what = "scale is not finite"};
    }
    for (std::size_t i = 0; i < cols; ++i) {
      if (!std::isfinite(weight(in, k, i))) {
        return BadBlock{.block = i / 32, .offset = place(k, i), .what = "a weight overflows"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec q8_KV_r8{.id = 398,
                     .name = "q8_KV_r8",
                     .family = Family::interleave,
                     .readers = Readers::ik_only,
                     .block_elems = 32,
                     .block_bytes = 32,
                     .row_meta_bytes = kMeta,
                     .group_rows = kRows,
                     .spec = "docs/spec/types/interleaved.md, section 18",
                     .decode = decode,
                     .encode = encode,
                     .check = check,
                     .plain = &q8_KV,
                     .weave = weave,
                     .unweave = unweave};
}  // namespace quant
