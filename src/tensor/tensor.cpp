#include "tensor/tensor.h"

#include "base/checked.h"
#include "quant/gain.h"

namespace tensor {

unsigned Shape::n_dims() const noexcept {
  unsigned n = 4;
  while (n > 1 && ne[n - 1] == 1) --n;
  return n;
}

std::string Shape::to_string() const {
  std::string s = "{" + std::to_string(ne[0]);
  for (unsigned d = 1; d < n_dims(); ++d) s += ", " + std::to_string(ne[d]);
  return s + "}";
}

std::size_t tensor_bytes(const quant::Codec& codec, const Shape& shape) {
  if (shape.ne[0] % codec.block_elems != 0) {
    throw base::Error(base::Fault::bad_file, "row length does not fill the blocks of its type")
        .at("type", codec.name)
        .at("found", shape.ne[0])
        .at("expected", "a multiple of " + std::to_string(codec.block_elems));
  }
  if (shape.ne[1] % codec.group_rows != 0) {
    throw base::Error(base::Fault::bad_file, "row count does not fill the row groups of its type")
        .at("type", codec.name)
        .at("found", shape.ne[1])
        .at("expected", "a multiple of " + std::to_string(codec.group_rows));
  }
  const std::size_t row = base::checked_add(
      codec.row_meta_bytes, base::checked_mul(shape.ne[0] / codec.block_elems, codec.block_bytes));
  const std::size_t matrices = base::checked_mul(shape.ne[2], shape.ne[3]);
  return base::checked_mul(row, base::checked_mul(shape.ne[1], matrices));
}

std::size_t tensor_bytes(const quant::FlatFormat& flat, const Shape& shape) {
  const std::size_t rows = tensor_bytes(*flat.rows, shape);
  if (shape.elements() % flat.block_elems != 0) {
    throw base::Error(base::Fault::bad_file, "the tensor does not fill the blocks of its type")
        .at("type", flat.name)
        .at("found", shape.elements())
        .at("expected", "a multiple of " + std::to_string(flat.block_elems));
  }
  return rows == 0 ? 0 : flat.bytes(shape.elements());
}

TensorView TensorView::matrix(std::size_t m) const noexcept {
  const std::size_t size = row_bytes() * shape.ne[1];
  return {codec, Shape{{shape.ne[0], shape.ne[1], 1, 1}}, bytes.subspan(m * size, size)};
}

void decode_rows(const TensorView& t, std::size_t first, std::size_t n, std::span<float> out) {
  const std::size_t cols = t.shape.ne[0];
  const std::size_t group = t.codec->group_rows;
  for (std::size_t r = 0; r < n; r += group) {
    t.codec->decode(t.rows(first + r, group), cols, out.subspan(r * cols, group * cols));
  }
  quant::apply_product_gain(*t.codec, out.first(n * cols));
}

}  // namespace tensor
