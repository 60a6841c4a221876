#include "convert/tensor_shape.h"

#include <fmt/format.h>

#include "base/checked.h"
#include "base/printable.h"
#include "convert/packing.h"

namespace convert {
namespace {

using model::HfChange;

constexpr std::uint64_t kMxBlock = 32, kMxBytes = 16;

struct PlainType {
  std::string_view dtype, codec;
};
constexpr PlainType kPlain[] = {{"F32", "f32"}, {"F16", "f16"}, {"BF16", "bf16"}};

const quant::Codec* plain_codec(const Dtype& dtype) {
  for (const PlainType& row : kPlain) {
    if (row.dtype == dtype.name) return quant::find_codec(row.codec);
  }
  return nullptr;
}

/// "BF16 (64, 32)".
std::string shape_text(const SafeTensor& t) {
  return fmt::format("{} ({})", t.dtype->name, fmt::join(t.shape, ", "));
}

base::Error bad_shape(const SafeTensor& t, const std::string& expected) {
  return base::Error(base::Fault::bad_file, "a tensor of the folder has the wrong shape")
      .at("tensor", base::printable(t.name))
      .at("found", shape_text(t))
      .at("expected", expected);
}

/// PyTorch's (out, in) as {in, out}.
tensor::Shape reversed(const SafeTensor& t, std::size_t n_dims) {
  constexpr std::size_t kMost = 4;
  if (n_dims > kMost || t.elements() == 0) throw bad_shape(t, "1 to 4 dimensions, none of them 0");
  tensor::Shape out;
  for (std::size_t d = 0; d < n_dims; ++d) out.ne[d] = t.shape[n_dims - 1 - d];
  return out;
}

/// One reader of a tensor's making.
class Shaper {
 public:
  Shaper(const ModelFolder& folder, const TensorPlan& plan, model::MlaForm mla, OutTensor& out)
      : folder_(folder), plan_(plan), mla_(mla), out_(out) {}

  void run() {
    const SafeTensor& first = info(out_.pieces.front());
    if (first.name.ends_with(kBlocks)) {
      read_mxfp4(first);
    } else {
      read_pieces(first);
    }
    apply_change(first);
  }

 private:
  const SafeTensor& info(std::size_t index) const { return folder_.tensors()[index].info; }

  std::uint64_t key(std::string_view name) const {
    const auto value = plan_.metadata.integer(fmt::format("{}.{}", plan_.architecture->name, name));
    return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
  }

  void read_mxfp4(const SafeTensor& blocks) {
    out_.storage = Storage::mxfp4;
    const std::string stem = blocks.name.substr(0, blocks.name.size() - kBlocks.size());
    const auto scales = folder_.find(stem + std::string(kScales));
    const std::vector<std::uint64_t>& s = blocks.shape;
    if (blocks.dtype->name != "U8" || s.size() != 4 || s[3] != kMxBytes) {
      throw bad_shape(blocks, "U8 (experts, rows, blocks, 16)");
    }
    if (!scales) missing_scales(stem + std::string(kScales));
    const SafeTensor& t = info(*scales);
    if (t.dtype->name != "U8" || t.shape != std::vector(s.begin(), s.begin() + 3)) {
      throw bad_shape(t, fmt::format("U8 ({}, {}, {})", s[0], s[1], s[2]));
    }
    if (blocks.elements() == 0) throw bad_shape(blocks, "no dimension 0");
    out_.scales = {*scales};
    out_.source_shape.ne = {base::checked_mul(s[2], kMxBlock), s[1], s[0], 1};
    out_.codec = quant::find_codec("mxfp4");
  }

  [[noreturn]] static void missing_scales(const std::string& name) {
    throw base::Error(base::Fault::bad_file, "the scales of a packed tensor are missing")
        .at("tensor", base::printable(name));
  }

  void read_pieces(const SafeTensor& first) {
    out_.source_shape = reversed(first, first.shape.size());
    const bool fp8 = first.dtype->name == "F8_E4M3";
    out_.storage = fp8 ? Storage::fp8 : Storage::plain;
    out_.stored = plain_codec(*first.dtype);
    for (const std::size_t index : out_.pieces) {
      const SafeTensor& t = info(index);
      if (t.shape != first.shape) throw bad_shape(t, shape_text(first) + ", as other experts");
      if ((t.dtype->name == "F8_E4M3") != fp8) different_types(first, t);
      if (fp8) {
        read_fp8_scales(t);
      } else if (plain_codec(*t.dtype) == nullptr) {
        unreadable(t);
      } else if (plain_codec(*t.dtype) != out_.stored) {
        out_.stored = nullptr;
      }
    }
    const bool exact = out_.stored != nullptr && out_.change != HfChange::plus_one;
    out_.codec = exact ? out_.stored : quant::find_codec("f32");
  }

  [[noreturn]] static void unreadable(const SafeTensor& t) {
    throw base::Error(base::Fault::unsupported, "elements of this type are not read")
        .at("tensor", base::printable(t.name))
        .at("found", t.dtype->name)
        .at("expected", "F32, F16, BF16, or F8_E4M3 with scales");
  }
  [[noreturn]] static void different_types(const SafeTensor& a, const SafeTensor& b) {
    throw base::Error(base::Fault::unsupported, "experts of one layer are stored differently")
        .at("tensor", base::printable(b.name))
        .at("found", b.dtype->name)
        .at("expected", a.dtype->name);
  }

  void read_fp8_scales(const SafeTensor& t) {
    const auto index = find_fp8_scales(folder_, t.name);
    if (!index) missing_scales(t.name + "_scale_inv");
    if (t.shape.size() != 2) throw bad_shape(t, "a matrix");
    const auto stated = folder_.config().object("quantization_config").numbers("weight_block_size");
    const SafeTensor& s = info(*index);
    const bool whole = stated.empty() && s.elements() == 1;
    const auto side = [&](std::size_t i) {
      if (whole) return t.shape[i];
      const double v = stated.size() == 2 ? stated[i] : 128.0;
      return v >= 1 && v <= 65536 ? static_cast<std::uint64_t>(v) : std::uint64_t{128};
    };
    const std::uint64_t block_rows = side(0), block_cols = side(1);
    const std::uint64_t rows = (t.shape[0] + block_rows - 1) / block_rows;
    const std::uint64_t cols = (t.shape[1] + block_cols - 1) / block_cols;
    const bool fits = whole || s.shape == std::vector<std::uint64_t>{rows, cols};
    const bool as_other_experts =
        out_.scales.empty() || (block_rows == out_.block_rows && block_cols == out_.block_cols);
    if (plain_codec(*s.dtype) == nullptr || !fits || !as_other_experts) {
      throw bad_shape(s, fmt::format("F32, F16 or BF16 ({}, {}){}", rows, cols,
                                     stated.empty() ? ", or one value" : ""));
    }
    out_.block_rows = block_rows;
    out_.block_cols = block_cols;
    out_.scales.push_back(*index);
  }

  void apply_change(const SafeTensor& first) {
    tensor::Shape shape = out_.source_shape;
    switch (out_.change) {
      case HfChange::rope_pairs:
        set_heads(first, shape);
        break;
      case HfChange::mla_keys:
      case HfChange::mla_values:
        shape = latent_shape(first);
        break;
      case HfChange::transposed:
      case HfChange::transposed_even:
      case HfChange::transposed_odd:
        std::swap(shape.ne[0], shape.ne[1]);
        if (out_.change != HfChange::transposed) shape.ne[1] = half(first, shape.ne[1]);
        break;
      case HfChange::even_rows:
      case HfChange::odd_rows:
        shape.ne[1] = half(first, shape.ne[1]);
        break;
      case HfChange::even_columns:
      case HfChange::odd_columns:
        shape.ne[0] = half(first, shape.ne[0]);
        break;
      default:
        break;
    }
    check_packing(first);
    if (out_.pieces.size() > 1) {
      if (shape.n_dims() > 2) throw bad_shape(first, "a matrix for each expert");
      shape.ne[2] = out_.pieces.size();
    }
    out_.shape = shape;
  }

  /// Blocks stay whole: only rows may be chosen.
  void check_packing(const SafeTensor& first) const {
    if (out_.storage != Storage::mxfp4) return;
    const bool rows = out_.change == HfChange::none || out_.change == HfChange::even_rows ||
                      out_.change == HfChange::odd_rows;
    if (!rows)
      throw bad_shape(first, "a tensor that is not packed, for what is to be done with it");
  }

  static std::uint64_t half(const SafeTensor& t, std::uint64_t n) {
    if (n % 2 != 0) throw bad_shape(t, "an even number of interleaved rows");
    return n / 2;
  }

  void set_heads(const SafeTensor& t, const tensor::Shape& shape) {
    out_.head_rows = key("attention.key_length");
    const std::uint64_t rows = shape.n_dims() == 1 ? shape.ne[0] : shape.ne[1];
    if (out_.head_rows == 0 || out_.head_rows % 2 != 0 || rows % out_.head_rows != 0) {
      throw bad_shape(t, fmt::format("heads of {} rows", out_.head_rows))
          .hint("head_dim, or hidden_size / num_attention_heads, does not fit this tensor");
    }
  }

  tensor::Shape latent_shape(const SafeTensor& t) {
    const bool split = mla_ == model::MlaForm::split;
    const std::uint64_t heads = key("attention.head_count");
    const std::uint64_t rotated = key("rope.dimension_count");
    const std::uint64_t key_dim = key(split ? "attention.key_length_mla" : "attention.key_length");
    out_.value_rows = key(split ? "attention.value_length_mla" : "attention.value_length");
    out_.key_rows = key_dim > rotated ? key_dim - rotated : 0;
    const std::uint64_t rank = out_.source_shape.ne[0];
    if (out_.key_rows == 0 || out_.value_rows == 0 || heads == 0 ||
        out_.source_shape.n_dims() > 2 ||
        out_.source_shape.ne[1] != heads * (out_.key_rows + out_.value_rows)) {
      throw bad_shape(
          t, fmt::format("{} heads of {} + {} rows", heads, out_.key_rows, out_.value_rows));
    }
    tensor::Shape shape;
    if (out_.change == HfChange::mla_keys) {
      shape.ne = {out_.key_rows, rank, heads, 1};
    } else {
      shape.ne = {rank, out_.value_rows, heads, 1};
    }
    if (!split) shape.ne = {shape.ne[0], shape.ne[1] * heads, 1, 1};
    return shape;
  }

  const ModelFolder& folder_;
  const TensorPlan& plan_;
  model::MlaForm mla_;
  OutTensor& out_;
};

}  // namespace

void shape_tensor(const ModelFolder& folder, const TensorPlan& plan, model::MlaForm mla,
                  OutTensor& out) {
  Shaper(folder, plan, mla, out).run();
}

}  // namespace convert
