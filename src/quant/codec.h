// quant/: what the bytes of a weight format mean. One file a format in a family folder, one line in
// registry.cpp. Codecs are single-threaded pure functions on rows; they know nothing of files,
// models or threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace quant {

/// How hard an encoder searches. `fast` is not worse than the reference programs, `best` clearly
/// better.
enum class Effort : std::uint8_t { fast, best };

enum class Family : std::uint8_t {
  plain,
  legacy,
  kquant,
  nonlinear,
  codebook,
  iqk,
  trellis,
  ternary,
  interleave,
  activation
};

/// Which of the public programs reads the type.
enum class Readers : std::uint8_t { both, ik_only, mainline_only, none };

/// A block that no encoder may write and no program should multiply with.
struct BadBlock {
  std::size_t block;      ///< index inside the row (or row group)
  std::size_t offset;     ///< byte offset inside the row (or row group)
  std::string_view what;  ///< e.g. "scale is NaN"
};

/// Input of an encoder: `rows` rows of `cols` floats, row-major without gaps, all weighted by the
/// same importance vector. Preconditions (checked by the caller): cols % block_elems == 0, rows %
/// group_rows == 0, x finite, importance empty or of size cols, finite and >= 0.
struct EncodeInput {
  std::span<const float> x;
  std::size_t rows;
  std::size_t cols;
  std::span<const float> importance;  ///< [cols], E[x^2] of the input column; empty = none
  Effort effort = Effort::best;

  const float* row(std::size_t r) const noexcept { return x.data() + r * cols; }
};

/// One weight format. A "row group" is `group_rows` rows woven together; 1 for all but the
/// interleaved formats. All functions are total over their preconditions: any bytes decode, any
/// finite floats encode to finite scales with an error not above that of rounding to zero.
struct Codec {
  std::uint32_t id;       ///< tensor type number in files
  std::string_view name;  ///< spelling of the public programs, e.g. "q4_K"
  Family family;
  Readers readers = Readers::both;
  std::size_t block_elems;         ///< weights a block
  std::size_t block_bytes;         ///< bytes a block (of one row)
  std::size_t row_meta_bytes = 0;  ///< bytes in front of the blocks of a row
  std::size_t group_rows = 1;
  bool needs_importance = false;  ///< the encoders of the public programs need the data
  /// Products of the public programs multiply by it, decoders and look-ups of rows do not: in a
  /// product a weight means product_gain times the decoded value. Encoders store scales for it.
  float product_gain = 1;
  std::string_view spec;  ///< where it is described, e.g. "docs/spec/types/basic.md, Q4_0"

  /// Decodes one row group: in.size() == group_rows * row_bytes(cols), out.size() == group_rows *
  /// cols, row-major. Bit-exact as the spec says.
  void (*decode)(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept;

  /// Encodes in.rows rows to in.rows * row_bytes(cols) bytes. Null if the type is read-only.
  void (*encode)(const EncodeInput& in, std::span<std::byte> out) = nullptr;

  /// First block of a row group with a NaN or infinite scale or an impossible code.
  std::optional<BadBlock> (*check)(std::span<const std::byte> in,
                                   std::size_t cols) noexcept = nullptr;

  /// For interleaved formats: the format of the single rows.
  const Codec* plain = nullptr;

  /// For interleaved formats, lossless: `group_rows` plain rows, one after the other, to one row
  /// group of this format, and back.
  void (*weave)(std::span<const std::byte> rows, std::size_t cols,
                std::span<std::byte> group) noexcept = nullptr;
  void (*unweave)(std::span<const std::byte> group, std::size_t cols,
                  std::span<std::byte> rows) noexcept = nullptr;

  std::size_t row_bytes(std::size_t cols) const noexcept {
    return row_meta_bytes + cols / block_elems * block_bytes;
  }
  /// Bits per weight without row metadata.
  double bpw() const noexcept {
    return 8.0 * static_cast<double>(block_bytes) / static_cast<double>(block_elems);
  }
  bool is_float() const noexcept { return family == Family::plain; }
};

/// Every known format in order of id.
std::span<const Codec* const> all_codecs() noexcept;

/// Null if no codec has this id. `why_unknown` tells what an id without codec is.
const Codec* find_codec(std::uint32_t id) noexcept;

/// By name, ignoring case. Null if unknown.
const Codec* find_codec(std::string_view name) noexcept;

/// q4_0 with the encoder of the public program's option "symmetric"; not in the registry.
const Codec& symmetric_q4_0() noexcept;

/// For an id without codec: "removed from both programs", "activation format", "unknown"; never
/// empty.
std::string_view why_unknown(std::uint32_t id) noexcept;

}  // namespace quant
