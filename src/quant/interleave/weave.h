// Interleaved formats: the blocks of R neighbouring rows woven into one group block of R times the
// size. A format is a map: a list of moves of bit fields between the plain blocks and the group
// block, executed in either direction. Decoding, encoding and checking follow from the plain
// format. Source: docs/spec/types/interleaved.md.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "base/bytes.h"
#include "quant/codec.h"

namespace quant {

/// `width` <= 8 bits at bit `at` of a block; they may lie in two bytes.
inline std::uint32_t field_at(const std::byte* block, std::size_t at, std::size_t width) noexcept {
  const std::byte* p = block + at / 8;
  std::uint32_t v = base::load_u8(p);
  if (at % 8 + width > 8) v |= static_cast<std::uint32_t>(base::load_u8(p + 1)) << 8;
  return (v >> (at % 8)) & ((1U << width) - 1U);
}

/// The reverse; the bits there must be zero.
inline void put_field(std::byte* block, std::size_t at, std::size_t width,
                      std::uint32_t v) noexcept {
  std::byte* p = block + at / 8;
  const std::uint32_t shifted = v << (at % 8);
  *p |= static_cast<std::byte>(shifted & 255U);
  if (at % 8 + width > 8) p[1] |= static_cast<std::byte>(shifted >> 8);
}

/// Executes a map from the plain blocks to the group block. All targets must be zero before.
template <std::size_t R>
struct Weaver {
  std::array<const std::byte*, R> plain;
  std::byte* woven;

  void bytes(std::size_t row, std::size_t from, std::size_t to, std::size_t n) const noexcept {
    std::copy_n(plain[row] + from, n, woven + to);
  }
  void bits(std::size_t row, std::size_t from, std::size_t to, std::size_t width) const noexcept {
    put_field(woven, to, width, field_at(plain[row], from, width));
  }
  /// The seven sign bits of an even-parity group, as their running parity (pattern G7).
  void parity(std::size_t row, std::size_t from, std::size_t to) const noexcept {
    std::uint32_t s = field_at(plain[row], from, 7);
    s ^= s << 1;
    s ^= s << 2;
    s ^= s << 4;
    put_field(woven, to, 7, s & 127U);
  }
};

/// Executes a map from the group block to the plain blocks. All targets must be zero before.
template <std::size_t R>
struct Unweaver {
  std::array<std::byte*, R> plain;
  const std::byte* woven;

  void bytes(std::size_t row, std::size_t from, std::size_t to, std::size_t n) const noexcept {
    std::copy_n(woven + to, n, plain[row] + from);
  }
  void bits(std::size_t row, std::size_t from, std::size_t to, std::size_t width) const noexcept {
    put_field(plain[row], from, width, field_at(woven, to, width));
  }
  void parity(std::size_t row, std::size_t from, std::size_t to) const noexcept {
    const std::uint32_t p = field_at(woven, to, 7);
    put_field(plain[row], from, 7, (p ^ (p << 1)) & 127U);
  }
};

// Bit positions of the patterns of interleaved.md, section 3, relative to the start of the field.
// `k` row, `i` column of the block.

/// N4: nibbles of 4 rows.
constexpr std::size_t n4(std::size_t k, std::size_t i) noexcept {
  const std::size_t j = i % 32;
  return 8 * (64 * (i / 32) + 16 * (j / 16 + 2 * (j / 4 % 2)) + 4 * k + j % 4) + 4 * (j / 8 % 2);
}
/// N2: 2-bit codes of 4 rows.
constexpr std::size_t n2(std::size_t k, std::size_t i) noexcept {
  const std::size_t j = i % 32;
  return 8 * (32 * (i / 32) + 16 * (j / 16) + 4 * k + j % 4) + 2 * (j / 4 % 4);
}
/// Low nibble of unit u of `units` six-bit fields: the first half of the units in low nibbles.
constexpr std::size_t low_nibble(std::size_t u, std::size_t units) noexcept {
  return 8 * (u % (units / 2)) + 4 * (u / (units / 2));
}
/// Upper two bits of unit u: four units a byte, a quarter of the units apart.
constexpr std::size_t high_pair(std::size_t u, std::size_t units) noexcept {
  return 8 * (u % (units / 4)) + 2 * (u / (units / 4));
}

// The same for the plain formats.

/// Nibble of column i where byte j holds columns j and j + half of each run of 2 half columns.
constexpr std::size_t nibble(std::size_t i, std::size_t half) noexcept {
  return 8 * (half * (i / (2 * half)) + i % half) + 4 * (i / half % 2);
}
/// 2-bit code of column i of the 256-column formats.
constexpr std::size_t pair_code(std::size_t i) noexcept {
  return 8 * (32 * (i / 128) + i % 32) + 2 * (i / 32 % 4);
}
/// Single bit of column i of the 256-column formats: bit i / 32 of byte i mod 32.
constexpr std::size_t plane_bit(std::size_t i) noexcept { return 8 * (i % 32) + i / 32; }

/// What is shared by all interleaved formats made of a map. `Map` holds
///   static constexpr std::size_t kRows, kElems, kBytes (a row's block), kMeta (bytes before the
///   first block of a plain row);
///   static constexpr const Codec* kPlain;
///   template <class M> static void map(const M& move);
/// and, where a zero weight decodes to +0 whatever its scale's sign, kPlusZero.
template <class Map>
struct Woven {
  static constexpr std::size_t kRowBytes = Map::kMeta + Map::kBytes;  // of a row of one block
  using Rows = std::array<std::byte, Map::kRows * kRowBytes>;

  /// The group's rows of a single block each: their metadata and block `b`.
  static void block_rows(std::span<const std::byte> group, std::size_t b, Rows& rows) noexcept {
    rows.fill(std::byte{0});
    Unweaver<Map::kRows> move{.plain = {}, .woven = block_of(group.data(), b)};
    for (std::size_t k = 0; k < Map::kRows; ++k) {
      std::byte* row = rows.data() + k * kRowBytes;
      std::copy_n(group.data() + k * Map::kMeta, Map::kMeta, row);
      move.plain[k] = row + Map::kMeta;
    }
    Map::map(move);
  }
  template <class Byte>
  static Byte* block_of(Byte* group, std::size_t b) noexcept {
    return group + Map::kRows * (Map::kMeta + b * Map::kBytes);
  }
  static std::size_t row_bytes(std::size_t cols) noexcept {
    return Map::kMeta + cols / Map::kElems * Map::kBytes;
  }

  static void weave(std::span<const std::byte> rows, std::size_t cols,
                    std::span<std::byte> group) noexcept {
    std::fill(group.begin(), group.end(), std::byte{0});
    const std::size_t stride = row_bytes(cols);
    for (std::size_t k = 0; k < Map::kRows; ++k) {
      std::copy_n(rows.data() + k * stride, Map::kMeta, group.data() + k * Map::kMeta);
    }
    for (std::size_t b = 0; b < cols / Map::kElems; ++b) {
      Weaver<Map::kRows> move{.plain = {}, .woven = block_of(group.data(), b)};
      for (std::size_t k = 0; k < Map::kRows; ++k) {
        move.plain[k] = rows.data() + k * stride + Map::kMeta + b * Map::kBytes;
      }
      Map::map(move);
    }
  }

  static void unweave(std::span<const std::byte> group, std::size_t cols,
                      std::span<std::byte> rows) noexcept {
    std::fill(rows.begin(), rows.end(), std::byte{0});
    const std::size_t stride = row_bytes(cols);
    for (std::size_t k = 0; k < Map::kRows; ++k) {
      std::copy_n(group.data() + k * Map::kMeta, Map::kMeta, rows.data() + k * stride);
    }
    for (std::size_t b = 0; b < cols / Map::kElems; ++b) {
      Unweaver<Map::kRows> move{.plain = {}, .woven = block_of(group.data(), b)};
      for (std::size_t k = 0; k < Map::kRows; ++k) {
        move.plain[k] = rows.data() + k * stride + Map::kMeta + b * Map::kBytes;
      }
      Map::map(move);
    }
  }

  static void decode(std::span<const std::byte> group, std::size_t cols,
                     std::span<float> out) noexcept {
    Rows rows;
    for (std::size_t b = 0; b < cols / Map::kElems; ++b) {
      block_rows(group, b, rows);
      for (std::size_t k = 0; k < Map::kRows; ++k) {
        const auto y = out.subspan(k * cols + b * Map::kElems, Map::kElems);
        Map::kPlain->decode({rows.data() + k * kRowBytes, kRowBytes}, Map::kElems, y);
        if constexpr (requires { Map::kPlusZero; }) {
          for (float& v : y) v += 0.0F;  // -0 + 0 = +0; nothing else changes
        }
      }
    }
  }

  static void encode(const EncodeInput& in, std::span<std::byte> out) {
    std::vector<std::byte> rows(out.size());
    Map::kPlain->encode(in, rows);
    const std::size_t stride = Map::kRows * row_bytes(in.cols);
    for (std::size_t at = 0; at < out.size(); at += stride) {
      weave(std::span(rows).subspan(at, stride), in.cols, out.subspan(at, stride));
    }
  }

  static std::optional<BadBlock> check(std::span<const std::byte> group,
                                       std::size_t cols) noexcept {
    Rows rows;
    for (std::size_t b = 0; b < cols / Map::kElems; ++b) {
      block_rows(group, b, rows);
      for (std::size_t k = 0; k < Map::kRows; ++k) {
        const auto bad = Map::kPlain->check({rows.data() + k * kRowBytes, kRowBytes}, Map::kElems);
        if (!bad) continue;
        const auto offset = static_cast<std::size_t>(block_of(group.data(), b) - group.data());
        return BadBlock{.block = b, .offset = offset, .what = bad->what};
      }
    }
    return std::nullopt;
  }

  static constexpr Codec codec(std::uint32_t id, std::string_view name,
                               std::string_view spec) noexcept {
    return {.id = id,
            .name = name,
            .family = Family::interleave,
            .readers = Readers::ik_only,
            .block_elems = Map::kElems,
            .block_bytes = Map::kBytes,
            .row_meta_bytes = Map::kMeta,
            .group_rows = Map::kRows,
            .spec = spec,
            .decode = decode,
            .encode = encode,
            .check = check,
            .plain = Map::kPlain,
            .weave = weave,
            .unweave = unweave};
  }
};

}  // namespace quant
