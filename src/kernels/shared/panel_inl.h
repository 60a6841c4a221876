// Products of a matrix with many rows of x: weights are decoded once into panels that stay in the
// second-level cache, x is turned once per block, and a micro-kernel runs over tiles of 16 rows of
// W x 16 rows of x. Written over a micro-kernel type:
//   Elem                     what panels hold: float, or the bits of a bf16
//   kDepth                   64 bytes of Elem; packed rows of x are padded with zeros to it
//   kXParts                  x is the sum of so many parts, one after the other in a packed row
//   panel_elems              elements of a panel of 32 rows
//   put_panels, put_floats   one weight row to its place in a panel, zeros past its end
//   put_plain                the same straight from a plain format, or false
//   multiply                 tiles of sums = (or +=) panel * blocks of x
#pragma once

#include <cstring>

#include "kernels/decode.h"
#include "kernels/shared/ops_inl.h"
#include "kernels/shared/unpack_inl.h"
#include "kernels/table.h"
#include "quant/registry.h"

namespace kernels {
namespace {

constexpr std::size_t kTile = 16;          // rows of W and rows of x in a tile of sums
constexpr std::size_t kPanelRows = 32;     // rows of W decoded at a time
constexpr std::size_t kBlockRows = 256;    // rows of W that share a turned block of x
constexpr std::size_t kBlockTokens = 512;  // rows of x that share a decoded panel
constexpr std::size_t kBlockCols = 512;    // columns at a time at least, a multiple of 256
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;  // turned x: half of a usual L2

inline std::size_t rounded(std::size_t n, std::size_t unit) noexcept {
  return (n + unit - 1) / unit * unit;
}

/// Formats that are plain floats, and the kind of cache rows that look the same.
enum class Plain : std::uint8_t { none, f32, f16, bf16 };
struct PlainEntry {
  const quant::Codec* codec;
  Plain plain;
  CacheType same;
};
constexpr PlainEntry kPlainFormats[] = {
    {&quant::f32, Plain::f32, CacheType::f32},
    {&quant::f16, Plain::f16, CacheType::f16},
    {&quant::bf16, Plain::bf16, CacheType::bf16},
};
inline Plain plain_format(const quant::Codec& codec) noexcept {
  for (const PlainEntry& entry : kPlainFormats) {
    if (entry.codec == &codec) return entry.plain;
  }
  return Plain::none;
}
inline void plain_to_floats(Plain format, const std::byte* p, std::size_t n, float* out) noexcept {
  for (const PlainEntry& entry : kPlainFormats) {
    if (entry.plain == format) from_cache(entry.same, p, n, out);
  }
}

/// The table's; defined by its table.cpp or by unpackers_inl.h.
Decode find_decoder(const quant::Codec& codec) noexcept;
/// One row group by the table's decoder or the codec.
inline void decode_any(const quant::Codec& codec, const std::byte* group, std::size_t cols,
                       float* out) noexcept {
  const Decode decode = find_decoder(codec);
  decode != nullptr ? decode(group, cols, out) : decode_group(codec, group, cols, out);
}

/// How weights become panel elements.
enum class Source : std::uint8_t {
  unpacked,  ///< by an Unpack, 256 columns at a time
  plain,     ///< f32, f16, bf16: converted, any columns at a time
  decoded,   ///< by the codec, whole row groups only
};

struct Plan {
  Source source;
  Unpack unpack;  ///< null unless unpacked
  std::size_t block_cols, block_tokens;
};

template <class Kernel>
inline Plan make_plan(const quant::Codec& codec, Unpack unpack, std::size_t cols,
                      std::size_t n_rows) noexcept {
  const std::size_t padded = rounded(cols, Kernel::kDepth);
  if (unpack == nullptr && plain_format(codec) == Plain::none) {
    return {Source::decoded, nullptr, padded, rounded(n_rows, kTile)};
  }
  const std::size_t tokens = rounded(n_rows < kBlockTokens ? n_rows : kBlockTokens, kTile);
  // Long pieces of rows suit the memory; 4096 columns of a panel still fit beside.
  const std::size_t fitting = kBlockBytes /
                              (Kernel::kXParts * sizeof(typename Kernel::Elem) * tokens) /
                              kChunkCols * kChunkCols;
  const std::size_t bounded = fitting < kBlockCols ? kBlockCols : fitting < 4096 ? fitting : 4096;
  const std::size_t block_cols = padded < bounded ? padded : bounded;
  return {unpack != nullptr ? Source::unpacked : Source::plain, unpack, block_cols, tokens};
}

/// Parts of the scratch memory, each a multiple of 64 bytes.
template <class Kernel>
struct Parts {
  using Elem = typename Kernel::Elem;
  std::size_t x, panel, sums, decoded, unpacked;  // bytes

  Parts(const Plan& plan, const quant::Codec& codec, std::size_t cols) noexcept
      : x(Kernel::kXParts * plan.block_cols * plan.block_tokens * sizeof(Elem)),
        panel(Kernel::panel_elems(plan.block_cols) * sizeof(Elem)),
        sums(kBlockRows * plan.block_tokens * sizeof(float)),
        decoded(rounded((plan.source == Source::decoded ? codec.group_rows : 1) *
                            (plan.source == Source::unpacked ? 0 : rounded(cols, kTile)) *
                            sizeof(float),
                        64)),
        unpacked(plan.source == Source::unpacked
                     ? rounded(plan.block_cols, kChunkCols) / kChunkCols * sizeof(U8Panel)
                     : 0) {}
  std::size_t total() const noexcept { return x + panel + sums + decoded + unpacked; }
};

template <class Kernel>
inline std::size_t panel_scratch(const quant::Codec& codec, Unpack unpack, std::size_t cols,
                                 std::size_t n_rows) noexcept {
  return Parts<Kernel>(make_plan<Kernel>(codec, unpack, cols, n_rows), codec, cols).total();
}

template <class Kernel>
class PanelProduct {
 public:
  using Elem = typename Kernel::Elem;

  PanelProduct(const MatmulArgs& args, Unpack unpack) noexcept
      : args_(args),
        plan_(make_plan<Kernel>(*args.codec, unpack, args.cols, args.n_rows)),
        row_bytes_(row_bytes(*args.codec, args.cols)) {
    const Parts<Kernel> parts(plan_, *args.codec, args.cols);
    std::byte* p = args.scratch;
    x_ = reinterpret_cast<Elem*>(p);
    panel_ = reinterpret_cast<Elem*>(p += parts.x);
    sums_ = reinterpret_cast<float*>(p += parts.panel);
    decoded_ = reinterpret_cast<float*>(p += parts.sums);
    unpacked_ = reinterpret_cast<U8Panel*>(p += parts.decoded);
  }

  void run() noexcept {
    const bool once = plan_.block_cols >= args_.cols;  // all columns at a time: x is turned once
    for (std::size_t t = 0; t < args_.n_rows; t += plan_.block_tokens) {
      tokens_ = args_.n_rows - t < plan_.block_tokens ? args_.n_rows - t : plan_.block_tokens;
      first_token_ = t;
      for (std::size_t r = args_.row_begin; r < args_.row_end; r += kBlockRows) {
        const std::size_t rows = args_.row_end - r < kBlockRows ? args_.row_end - r : kBlockRows;
        for (std::size_t c = 0; c < args_.cols; c += plan_.block_cols) {
          const std::size_t left = rounded(args_.cols - c, Kernel::kDepth);
          const std::size_t depth = left < plan_.block_cols ? left : plan_.block_cols;
          if (!once || r == args_.row_begin) turn_x(c, depth);
          add_block(r, rows, c, depth);
        }
        write(r, rows);
      }
    }
  }

 private:
  std::size_t tiles() const noexcept { return (tokens_ + kTile - 1) / kTile; }
  /// Sums of a block of 16 rows: its tiles one after the other.
  float* sums(std::size_t row) noexcept { return sums_ + row * tiles() * kTile; }

  void turn_x(std::size_t col, std::size_t depth) noexcept {
    const std::size_t part_bytes = args_.x_stride / Kernel::kXParts;
    for (std::size_t part = 0; part < Kernel::kXParts; ++part) {
      turn_part(args_.x + first_token_ * args_.x_stride + part * part_bytes + col * sizeof(Elem),
                depth, x_ + part * tiles() * kTile * depth);
    }
  }
  void turn_part(const std::byte* x, std::size_t depth, Elem* out) noexcept {
    for (std::size_t t = 0; t < tokens_; t += kTile) {
      const std::size_t n = tokens_ - t < kTile ? tokens_ - t : kTile;
      for (std::size_t c = 0; c < depth; c += Kernel::kDepth) {
        transpose(x + t * args_.x_stride + c * sizeof(Elem), args_.x_stride, n,
                  reinterpret_cast<std::byte*>(out + t * depth + c * kTile));
      }
    }
  }

  void add_block(std::size_t row, std::size_t rows, std::size_t col, std::size_t depth) noexcept {
    for (std::size_t r = 0; r < rows; r += kPanelRows) {
      const std::size_t n = rows - r < kPanelRows ? rows - r : kPanelRows;
      fill_panel(row + r, n, col, depth);
      Kernel::multiply(panel_, x_, depth, tiles(), col == 0, sums(r), kPanelRows);
    }
  }

  /// Rows from n on keep what they held: their sums are never read.
  void fill_panel(std::size_t row, std::size_t n, std::size_t col, std::size_t depth) noexcept {
    switch (plan_.source) {
      case Source::unpacked:
        return fill_unpacked(row, n, col, depth);
      case Source::plain:
        return fill_plain(row, n, col, depth);
      case Source::decoded:
        return fill_decoded(row, n, depth);
    }
  }

  void fill_unpacked(std::size_t row, std::size_t n, std::size_t col, std::size_t depth) noexcept {
    const std::size_t group_rows = args_.codec->group_rows;
    const std::size_t left = args_.cols - col < depth ? args_.cols - col : depth;
    const std::size_t bytes = row_bytes_ * left / args_.cols;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t lane = (row + i) % group_rows;
      prefetch(row + i + 2, col, bytes);
      plan_.unpack(args_.weights + (row + i - lane) * row_bytes_, args_.cols, lane, col, left,
                   unpacked_);
      Kernel::put_panels(unpacked_, depth, panel_, i);
    }
  }

  /// Asks for the bytes of a piece of a row; pieces of rows are too short for the machine to guess.
  void prefetch(std::size_t row, std::size_t col, std::size_t bytes) const noexcept {
    if (row >= args_.row_end) return;
    const std::byte* p = args_.weights + row * row_bytes_ + row_bytes_ * col / args_.cols;
    for (std::size_t i = 0; i < bytes; i += 64)
      _mm_prefetch(reinterpret_cast<const char*>(p + i), _MM_HINT_T0);
  }

  void fill_plain(std::size_t row, std::size_t n, std::size_t col, std::size_t depth) noexcept {
    const std::size_t left = args_.cols - col < depth ? args_.cols - col : depth;
    for (std::size_t i = 0; i < n; ++i) {
      const std::byte* p = args_.weights + (row + i) * row_bytes_ + col * args_.codec->block_bytes;
      if (Kernel::put_plain(*args_.codec, p, left, depth, panel_, i)) continue;
      plain_to_floats(plain_format(*args_.codec), p, left, decoded_);
      Kernel::put_floats(decoded_, left, depth, panel_, i);
    }
  }

  void fill_decoded(std::size_t row, std::size_t n, std::size_t depth) noexcept {
    const std::size_t group_rows = args_.codec->group_rows;
    for (std::size_t i = 0; i < n; i += group_rows) {
      decode_any(*args_.codec, args_.weights + (row + i) * row_bytes_, args_.cols, decoded_);
      for (std::size_t lane = 0; lane < group_rows; ++lane) {
        Kernel::put_floats(decoded_ + lane * args_.cols, args_.cols, depth, panel_, i + lane);
      }
    }
  }

  /// Tiles of sums [row][token] to out [token][row].
  void write(std::size_t row, std::size_t rows) noexcept {
    alignas(64) float turned[kTile * kTile];
    for (std::size_t r = 0; r < rows; r += kTile) {
      const std::size_t n = rows - r < kTile ? rows - r : kTile;
      for (std::size_t t = 0; t < tokens_; t += kTile) {
        const std::size_t m = tokens_ - t < kTile ? tokens_ - t : kTile;
        transpose(reinterpret_cast<const std::byte*>(sums(r) + t * kTile), 64, kTile,
                  reinterpret_cast<std::byte*>(turned));
        float* out = args_.out + (first_token_ + t) * args_.out_stride + row - args_.row_begin + r;
        for (std::size_t i = 0; i < m; ++i) {
          std::memcpy(out + i * args_.out_stride, turned + i * kTile, n * sizeof(float));
        }
      }
    }
  }

  const MatmulArgs& args_;
  const Plan plan_;
  const std::size_t row_bytes_;
  std::size_t tokens_ = 0, first_token_ = 0;
  Elem* x_;
  Elem* panel_;
  float* sums_;  // tiles: [rows / 16][tokens / 16][16][16]
  float* decoded_;
  U8Panel* unpacked_;
};

}  // namespace
}  // namespace kernels
