// tensor/: bytes that are a tensor, whoever owns them: a mapped file, a streamed buffer, a repacked
// copy. It knows formats, but not containers and not what a tensor is for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "quant/flat.h"

namespace tensor {

/// Dimensions in the order of the files: ne[0] is the row length, the fastest running index.
/// Missing dimensions are 1. All are >= 1 and their product fits 63 bits (the reader checks).
struct Shape {
  std::array<std::uint64_t, 4> ne{1, 1, 1, 1};

  std::uint64_t cols() const noexcept { return ne[0]; }
  std::uint64_t rows() const noexcept { return ne[1] * ne[2] * ne[3]; }  ///< over all matrices
  std::uint64_t matrices() const noexcept { return ne[2] * ne[3]; }
  std::uint64_t elements() const noexcept { return ne[0] * rows(); }
  /// 1 + index of the last dimension above 1; at least 1.
  unsigned n_dims() const noexcept;
  std::string to_string() const;  ///< "{512, 128, 4}"
  friend bool operator==(const Shape&, const Shape&) = default;
};

/// Bytes of a tensor of this format and shape. Throws Fault::bad_file on overflow or when the shape
/// does not fit the blocks (ne[0] % block_elems, ne[1] % group_rows).
std::size_t tensor_bytes(const quant::Codec& codec, const Shape& shape);

/// The same for a format without rows; the rows that stand for it must fit too.
std::size_t tensor_bytes(const quant::FlatFormat& flat, const Shape& shape);

/// A tensor somebody else owns. Valid as long as the owner of `bytes` lives.
struct TensorView {
  const quant::Codec* codec = nullptr;
  Shape shape;
  std::span<const std::byte> bytes;

  std::size_t row_bytes() const noexcept { return codec->row_bytes(shape.ne[0]); }
  /// Rows [first, first + n) over all matrices; both multiples of group_rows.
  std::span<const std::byte> rows(std::size_t first, std::size_t n) const noexcept {
    return bytes.subspan(first * row_bytes(), n * row_bytes());
  }
  /// The m-th matrix {ne[0], ne[1]} of a stack.
  TensorView matrix(std::size_t m) const noexcept;
};

/// Rows [first, first + n) as f32, as matrix products see them (decoded, times the product gain of
/// the format), row-major; out.size() == n * cols.
void decode_rows(const TensorView& t, std::size_t first, std::size_t n, std::span<float> out);

}  // namespace tensor
