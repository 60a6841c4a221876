#include "convert/row_reader.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/bytes.h"
#include "base/printable.h"

namespace convert {
namespace {

using model::HfChange;

constexpr std::size_t kMxBytes = 16;      // codes of a block of 32
constexpr std::size_t kMxBlock = 17;      // with its scale, as in GGUF
constexpr std::uint8_t kNanScale = 0xFF;  // of MXFP4

/// A row of one piece of the source.
struct SourceRow {
  std::size_t piece = 0;
  std::uint64_t row = 0;  ///< over all matrices of the piece
};

/// Columns [first, first + n) of a row.
struct Columns {
  std::uint64_t first = 0, n = 0;
};

bool gathers_columns(HfChange change) noexcept {
  return change == HfChange::transposed || change == HfChange::transposed_even ||
         change == HfChange::transposed_odd || change == HfChange::mla_keys;
}

/// 2 for the changes that take every other one, and with which they begin.
struct Stride {
  std::uint64_t step = 1, start = 0;
};
Stride row_stride(HfChange change) noexcept {
  if (change == HfChange::even_rows || change == HfChange::transposed_even) return {2, 0};
  if (change == HfChange::odd_rows || change == HfChange::transposed_odd) return {2, 1};
  return {};
}
Stride column_stride(HfChange change) noexcept {
  if (change == HfChange::even_columns) return {2, 0};
  if (change == HfChange::odd_columns) return {2, 1};
  return {};
}

const std::array<float, 256>& e4m3_table() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> t{};
    for (unsigned c = 0; c < t.size(); ++c) t[c] = e4m3_value(static_cast<std::uint8_t>(c));
    return t;
  }();
  return table;
}

/// One value of f32, f16 or bf16.
float plain_value(const Dtype& dtype, const std::byte* p) noexcept {
  return dtype.name == "F32"   ? base::load_f32(p)
         : dtype.name == "F16" ? base::load_f16(p)
                               : base::load_bf16(p);
}

/// Reads source rows in the type in which the tensor is handed on.
class SourceReader {
 public:
  SourceReader(const ModelFolder& folder, const OutTensor& tensor)
      : folder_(folder),
        tensor_(tensor),
        raw_(tensor.codec == tensor.stored && tensor.change != HfChange::plus_one) {
    // A vector is a column of rows of one element, so that rows can be chosen among them.
    const tensor::Shape& s = tensor.source_shape;
    vector_ = s.n_dims() == 1 && tensor.change == HfChange::rope_pairs;
    cols_ = vector_ ? 1 : s.ne[0];
  }

  std::uint64_t cols() const noexcept { return cols_; }
  std::size_t element_bytes() const noexcept { return tensor_.codec->block_bytes; }

  /// `n_rows` rows that follow each other, all columns, or a part of one row.
  void read(SourceRow at, std::uint64_t n_rows, Columns columns, std::span<std::byte> out) {
    const SafeTensor& info = folder_.tensors()[tensor_.pieces[at.piece]].info;
    const std::uint64_t n = n_rows * columns.n;
    const std::size_t bytes = info.dtype->bytes;
    const std::size_t offset = (at.row * cols_ + columns.first) * bytes;
    if (raw_) return folder_.read(tensor_.pieces[at.piece], offset, out.first(n * bytes));
    stored_.resize(n * bytes);
    folder_.read(tensor_.pieces[at.piece], offset, stored_);
    if (tensor_.storage == Storage::fp8) {
      for (std::uint64_t r = 0; r < n_rows; ++r) {
        decode_fp8({at.piece, at.row + r}, columns,
                   std::span(stored_).subspan(r * columns.n, columns.n),
                   out.subspan(r * columns.n * sizeof(float)));
      }
      return;
    }
    widen(info, out.first(n * sizeof(float)));
  }

 private:
  /// f16, bf16 or f32 to f32, plus 1 where the change says so.
  void widen(const SafeTensor& info, std::span<std::byte> out) const {
    const float add = tensor_.change == HfChange::plus_one ? 1.0F : 0.0F;
    const std::size_t n = out.size() / sizeof(float);
    for (std::size_t i = 0; i < n; ++i) {
      const std::byte* p = stored_.data() + i * info.dtype->bytes;
      const float v = plain_value(*info.dtype, p);
      base::store(out.data() + i * sizeof(float), add == 0 ? v : v + add);
    }
  }

  void decode_fp8(SourceRow at, Columns columns, std::span<const std::byte> codes,
                  std::span<std::byte> out) {
    load_scales(at);
    const auto& table = e4m3_table();
    for (std::uint64_t i = 0; i < columns.n; ++i) {
      const std::uint64_t col = columns.first + i;
      const float value =
          table[std::to_integer<std::size_t>(codes[i])] * scales_[col / tensor_.block_cols];
      if (!std::isfinite(value)) refuse(at, col);
      base::store(out.data() + i * sizeof(float), value);
    }
  }

  /// The scales of one row of blocks; rows come mostly in order.
  void load_scales(SourceRow at) {
    const std::uint64_t block = at.row / tensor_.block_rows;
    if (at.piece == scales_piece_ && block == scales_block_ && !scales_.empty()) return;
    const Dtype& dtype = *folder_.tensors()[tensor_.scales[at.piece]].info.dtype;
    scales_.resize((cols_ + tensor_.block_cols - 1) / tensor_.block_cols);
    stored_scales_.resize(scales_.size() * dtype.bytes);
    folder_.read(tensor_.scales[at.piece], block * stored_scales_.size(), stored_scales_);
    for (std::size_t i = 0; i < scales_.size(); ++i) {
      scales_[i] = plain_value(dtype, stored_scales_.data() + i * dtype.bytes);
    }
    scales_piece_ = at.piece;
    scales_block_ = block;
  }

  [[noreturn]] void refuse(SourceRow at, std::uint64_t col) const {
    throw base::Error(base::Fault::bad_file, "a value of the folder is not a number")
        .at("tensor", base::printable(folder_.tensors()[tensor_.pieces[at.piece]].info.name))
        .at("row", at.row)
        .at("column", col)
        .hint("the file is damaged");
  }

  const ModelFolder& folder_;
  const OutTensor& tensor_;
  bool raw_, vector_ = false;
  std::uint64_t cols_ = 0;
  std::vector<std::byte> stored_;
  std::vector<float> scales_;
  std::vector<std::byte> stored_scales_;
  std::size_t scales_piece_ = 0;
  std::uint64_t scales_block_ = 0;
};

/// One job of read_rows.
class RowMaker {
 public:
  RowMaker(const ModelFolder& folder, const OutTensor& tensor)
      : folder_(folder), tensor_(tensor), source_(folder, tensor) {
    const tensor::Shape& s = tensor.shape;
    const bool vector = source_.cols() == 1 && s.n_dims() == 1;
    rows_ = vector ? s.ne[0] : s.ne[1];  // of one matrix
    source_rows_ = vector ? s.ne[0] : tensor.source_shape.ne[1];
    row_elements_ = vector ? 1 : s.ne[0];
  }

  void run(std::size_t first, std::size_t n, std::span<std::byte> out) {
    // A vector whose rows are elements is still asked for as one row.
    if (row_elements_ == 1 && tensor_.shape.ne[0] != 1) {
      n *= tensor_.shape.ne[0];
      first *= tensor_.shape.ne[0];
    }
    if (tensor_.storage == Storage::mxfp4) return blocks(first, n, out);
    if (gathers_columns(tensor_.change)) return columns(first, n, out);
    rows(first, n, out);
  }

 private:
  /// Which source row becomes output row `row` (over all matrices).
  SourceRow source_of(std::uint64_t row) const {
    const std::uint64_t matrix = row / rows_, inside = row % rows_;
    const Stride stride = row_stride(tensor_.change);
    std::uint64_t from = inside * stride.step + stride.start;
    if (tensor_.change == HfChange::rope_pairs) {
      const std::uint64_t in_head = inside % tensor_.head_rows;
      from = inside - in_head + in_head / 2 + in_head % 2 * (tensor_.head_rows / 2);
    } else if (tensor_.change == HfChange::mla_values) {
      const std::uint64_t head = row / tensor_.value_rows;
      from = head * (tensor_.key_rows + tensor_.value_rows) + tensor_.key_rows +
             row % tensor_.value_rows;
      return {0, from};
    }
    if (tensor_.pieces.size() > 1) return {matrix, from};
    return {0, matrix * source_rows_ + from};
  }

  void rows(std::uint64_t first, std::uint64_t n, std::span<std::byte> out) {
    const Stride cols = column_stride(tensor_.change);
    const std::size_t element = source_.element_bytes();
    const std::size_t row_bytes = row_elements_ * element;
    for (std::uint64_t done = 0; done < n;) {
      const SourceRow at = source_of(first + done);
      std::uint64_t run = 1;
      while (done + run < n) {
        const SourceRow next = source_of(first + done + run);
        if (next.piece != at.piece || next.row != at.row + run) break;
        ++run;
      }
      const auto place = out.subspan(done * row_bytes, run * row_bytes);
      if (cols.step == 1) {
        source_.read(at, run, {0, source_.cols()}, place);
      } else {
        wide_.resize(run * source_.cols() * element);
        source_.read(at, run, {0, source_.cols()}, wide_);
        for (std::uint64_t i = 0; i < run * row_elements_; ++i) {
          std::memcpy(place.data() + i * element,
                      wide_.data() + (i * cols.step + cols.start) * element, element);
        }
      }
      done += run;
    }
  }

  /// Output rows are source columns: a stripe of every source row is read and turned.
  void columns(std::uint64_t first, std::uint64_t n, std::span<std::byte> out) {
    const std::size_t element = source_.element_bytes();
    // With heads below each other (2D k_b) a "matrix" is still one head.
    const bool keys = tensor_.change == HfChange::mla_keys;
    const std::uint64_t rows = keys ? source_.cols() : rows_;
    const Stride stride = row_stride(tensor_.change);
    for (std::uint64_t done = 0; done < n;) {
      const std::uint64_t matrix = (first + done) / rows, inside = (first + done) % rows;
      const std::uint64_t run = std::min(n - done, rows - inside);
      const Columns stripe{inside * stride.step + stride.start, (run - 1) * stride.step + 1};
      wide_.resize(stripe.n * element);
      const std::uint64_t height = row_elements_;  // source rows that make one output row
      for (std::uint64_t j = 0; j < height; ++j) {
        source_.read(column_source(matrix, j), 1, stripe, wide_);
        for (std::uint64_t i = 0; i < run; ++i) {
          std::memcpy(out.data() + ((done + i) * height + j) * element,
                      wide_.data() + i * stride.step * element, element);
        }
      }
      done += run;
    }
  }

  SourceRow column_source(std::uint64_t matrix, std::uint64_t j) const {
    if (tensor_.change == HfChange::mla_keys) {
      return {0, matrix * (tensor_.key_rows + tensor_.value_rows) + j};
    }
    if (tensor_.pieces.size() > 1) return {matrix, j};
    return {0, matrix * source_rows_ + j};
  }

  void blocks(std::uint64_t first, std::uint64_t n, std::span<std::byte> out) {
    const std::size_t n_blocks = tensor_.shape.ne[0] / (2 * kMxBytes);
    std::vector<std::byte> codes(n_blocks * kMxBytes), scales(n_blocks);
    for (std::uint64_t r = 0; r < n; ++r) {
      const SourceRow at = source_of(first + r);
      folder_.read(tensor_.pieces[0], at.row * codes.size(), codes);
      folder_.read(tensor_.scales[0], at.row * scales.size(), scales);
      for (std::size_t b = 0; b < n_blocks; ++b) {
        if (std::to_integer<std::uint8_t>(scales[b]) == kNanScale) refuse_scale(at.row, b);
        repack_mxfp4(std::span(codes).subspan(b * kMxBytes, kMxBytes), scales[b],
                     out.subspan((r * n_blocks + b) * kMxBlock, kMxBlock));
      }
    }
  }

  [[noreturn]] void refuse_scale(std::uint64_t row, std::size_t block) const {
    throw base::Error(base::Fault::bad_file, "a scale of the folder is not a number")
        .at("tensor", base::printable(folder_.tensors()[tensor_.scales[0]].info.name))
        .at("row", row)
        .at("block", block)
        .hint("the file is damaged");
  }

  const ModelFolder& folder_;
  const OutTensor& tensor_;
  SourceReader source_;
  std::uint64_t rows_ = 0, source_rows_ = 0, row_elements_ = 0;
  std::vector<std::byte> wide_;
};

}  // namespace

float e4m3_value(std::uint8_t code) noexcept {
  const unsigned exponent = (code >> 3) & 15U, mantissa = code & 7U;
  const float sign = (code & 0x80U) != 0 ? -1.0F : 1.0F;
  if (exponent == 15 && mantissa == 7) return std::nanf("");
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -9);
  return sign * std::ldexp(static_cast<float>(8 + mantissa), static_cast<int>(exponent) - 10);
}

void repack_mxfp4(std::span<const std::byte> codes, std::byte scale,
                  std::span<std::byte> out) noexcept {
  // Published: byte k = elements 2k | 2k+1 << 4. GGUF: byte j = elements j | j+16 << 4.
  const auto code_at = [&](std::size_t i) {
    const unsigned byte = std::to_integer<unsigned>(codes[i / 2]);
    return i % 2 == 0 ? byte & 15U : byte >> 4;
  };
  out[0] = scale;
  for (std::size_t j = 0; j < kMxBytes; ++j) {
    out[1 + j] = static_cast<std::byte>(code_at(j) | code_at(j + kMxBytes) << 4);
  }
}

void read_rows(const ModelFolder& folder, const OutTensor& tensor, std::size_t first, std::size_t n,
               std::span<std::byte> out) {
  if (tensor.storage == Storage::made) {
    const auto bytes = std::as_bytes(std::span(tensor.values));
    const std::size_t row = tensor.shape.ne[0] * sizeof(float);
    std::memcpy(out.data(), bytes.data() + first * row, n * row);
    return;
  }
  RowMaker(folder, tensor).run(first, n, out);
}

}  // namespace convert
