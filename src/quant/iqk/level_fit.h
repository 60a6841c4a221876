// The encoder of the level-table formats: y = d s T[code], with d a float scale of a super-block or
// a row, s a small integer and one of two table halves per sub-block, codes per element. d, s, the
// halves and the codes are chosen together. Source: docs/spec/types/iqk.md, section 3.3.
#pragma once

#include "quant/iqk/level_kernel.h"

namespace quant {

/// The integers a format can store as sub-block scale: min, min + step, ..., max.
struct IntegerScales {
  int min, max, step = 1;
};

/// A super-block's fields as the formats store them, d apart.
struct LevelBlock {
  std::array<std::int16_t, 16> scale{};  ///< integer scale of each sub-block
  std::array<std::uint8_t, 16> half{};   ///< 1 = shifted half
  std::array<std::uint8_t, 256> code{};  ///< in element order
};

/// What a format says about itself; the rest is shared.
struct LevelFormat {
  enum class Scope : std::uint8_t { super_block, row };

  const LevelKernel* kernel = nullptr;
  std::size_t sub_elems = 16;  ///< 16 or 32
  IntegerScales scales{};
  Scope scope = Scope::super_block;  ///< what shares one d: stands at the start of the block or row
  bool f16_scale = true;             ///< d is stored as f16, else as f32
  /// Trial scales put the largest element at these multiples of the table's end.
  float narrowest = 0.8F, widest = 1.4F;
  int trials = 8;       ///< of them, for either sign
  int fast_trials = 6;  ///< the same with `fast`
  int commons = 24;     ///< trials of d; `fast` makes 8
  int rounds = 2;       ///< refits of d; `fast` makes one
  int window = 1;       ///< integer scales tried on each side of the current one
  std::size_t block_bytes = 0;
  /// Everything of a block but d.
  void (*pack)(const LevelBlock&, std::byte* block) noexcept = nullptr;
  void (*unpack)(const std::byte* block, LevelBlock&) noexcept = nullptr;

  std::size_t scale_bytes() const noexcept { return f16_scale ? 2 : 4; }
  std::size_t meta_bytes() const noexcept { return scope == Scope::row ? scale_bytes() : 0; }
};

/// Encodes all rows of `in` (cols a multiple of 256).
void encode_levels(const LevelFormat& format, const EncodeInput& in, std::span<std::byte> out);

/// y = fl(fl(d s) T[code]).
void decode_levels(const LevelFormat& format, std::span<const std::byte> in, std::size_t cols,
                   std::span<float> out) noexcept;

/// First d that is not finite.
std::optional<BadBlock> check_levels(const LevelFormat& format, std::span<const std::byte> in,
                                     std::size_t cols) noexcept;

/// The registry row of a format.
template <const LevelFormat& F>
constexpr Codec level_codec(std::uint32_t id, std::string_view name, Family family, Readers readers,
                            std::string_view spec) noexcept {
  return {
      .id = id,
      .name = name,
      .family = family,
      .readers = readers,
      .block_elems = 256,
      .block_bytes = F.block_bytes,
      .row_meta_bytes = F.meta_bytes(),
      .spec = spec,
      .decode = [](std::span<const std::byte> in, std::size_t cols,
                   std::span<float> out) noexcept { decode_levels(F, in, cols, out); },
      .encode = [](const EncodeInput& in, std::span<std::byte> out) { encode_levels(F, in, out); },
      .check = [](std::span<const std::byte> in,
                  std::size_t cols) noexcept { return check_levels(F, in, cols); }};
}

}  // namespace quant
