#include "runtime/weights.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "gguf/rows.h"

namespace runtime {
namespace {

using model::Role;

std::size_t index(Role role) noexcept { return static_cast<std::size_t>(role); }

/// Rows of woven formats belong together: a matrix must not begin inside a group.
void check_groups(const quant::Codec& codec, std::size_t rows, std::string_view what) {
  if (rows % codec.group_rows == 0) return;
  throw base::Error(base::Fault::unsupported, "rows of two matrices are woven together")
      .at("tensor", what)
      .at("type", codec.name)
      .at("found", rows)
      .expected("rows a matrix in multiples of " + std::to_string(codec.group_rows))
      .hint("`quern quantize --unpack` gives a file with plain rows");
}

Weight from_view(const tensor::TensorView& view, const tensor::Shape& shape) {
  Weight w{.codec = view.codec};
  w.cols = shape.ne[0];
  w.rows = shape.ne[1];
  w.n_matrices = shape.matrices();
  w.data = view.bytes.data();
  w.matrix_bytes = w.codec->row_bytes(w.cols) * w.rows;
  check_groups(*w.codec, w.rows, "a stacked or per-head tensor");
  return w;
}

std::vector<float> decode_matrix(const Weight& w, std::size_t m) {
  std::vector<float> out(w.rows * w.cols);
  const tensor::TensorView view{
      w.codec, {{w.cols, w.rows, 1, 1}}, {w.matrix(m), w.codec->row_bytes(w.cols) * w.rows}};
  tensor::decode_rows(view, 0, w.rows, out);
  return out;
}

/// The codec that keeps a float type and turns a quantized one into bf16, which has a fast kernel
/// and an error below that of any quantized type.
const quant::Codec& float_codec(const quant::Codec& codec) {
  return codec.is_float() ? codec : *quant::find_codec("bf16");
}

}  // namespace

class LayerLoader {
 public:
  LayerLoader(const Model& model, int layer) : model_(model), layer_(layer) {}

  LayerWeights load(MlaForms forms) {
    for (const model::TensorRow& row : model_.spec().tensors) {
      if (row.layer == layer_ && row.used) load_row(row);
    }
    if (layer_ < 0) {
      if (!slot(Role::output)) slot(Role::output) = slot(Role::token_embd);
      return std::move(out_);
    }
    const model::LayerPlan& plan = model_.spec().layers.at(static_cast<std::size_t>(layer_));
    split_gate_up();
    if (plan.attention && plan.attention->merged_qkv) split_qkv(*plan.attention);
    if (plan.dense && plan.dense->merged_up) split_up(*plan.dense);
    if (plan.mla) shape_mla(*plan.mla, forms);
    return std::move(out_);
  }

 private:
  /// A NaN in a norm shows in the results, one in the choice of experts might not.
  static void check_values(const model::TensorRow& row, std::span<const float> values) {
    const auto bad =
        std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
    if (bad == values.end()) return;
    throw base::Error(base::Fault::bad_file, "a value is not finite")
        .at("tensor", row.name)
        .at("element", bad - values.begin())
        .at("found", std::isnan(*bad) ? "NaN" : "infinity")
        .expected("finite numbers")
        .hint("the file is damaged; `quern info --check` looks at all of it");
  }

  std::optional<Weight>& slot(Role role) { return out_.weights_[index(role)]; }

  void load_row(const model::TensorRow& row) {
    const gguf::TensorInfo* info = model_.files().find(row.name);
    if (info == nullptr) return;
    const tensor::TensorView view = view_of(*info);
    if (row.piece >= 0) {
      add_piece(row, view);
    } else if (row.f32_only) {
      std::vector<float>& values = out_.vectors_[index(row.role)];
      values.resize(row.shape.elements());
      tensor::decode_rows(view, 0, row.shape.rows(), values);
      check_values(row, values);
    } else if (row.role == Role::ffn_gate_inp) {
      // The choice of experts is computed in f32 (docs/spec/models.md 1.6).
      slot(row.role) = own(decode_matrix(from_view(view, row.shape), 0), row.shape);
    } else {
      slot(row.role) = from_view(view, row.shape);
    }
  }

  /// In the mapped file, or in a buffer of ours where the file has no rows.
  tensor::TensorView view_of(const gguf::TensorInfo& info) {
    if (info.flat == nullptr) return model_.files().view(info);
    tensor::Buffer rows(tensor::tensor_bytes(*info.codec, info.shape));
    gguf::read_rows(model_.files(), info, 0, rows.bytes());
    const tensor::TensorView view{info.codec, info.shape, rows.bytes()};
    out_.owned_.push_back(std::move(rows));
    return view;
  }

  void add_piece(const model::TensorRow& row, const tensor::TensorView& view) {
    std::optional<Weight>& w = slot(row.role);
    if (!w) {
      w = from_view(view, row.shape);
      w->n_matrices = 0;
    }
    if (w->codec != view.codec) {
      throw base::Error(base::Fault::unsupported, "the experts of a layer have different types")
          .at("tensor", row.name)
          .at("found", view.codec->name)
          .at("expected", w->codec->name);
    }
    w->scattered.push_back(view.bytes.data());
    ++w->n_matrices;
  }

  Weight own(const std::vector<float>& values, const tensor::Shape& shape) {
    tensor::Buffer buffer(values.size() * sizeof(float));
    std::copy(values.begin(), values.end(), buffer.floats().begin());
    const tensor::TensorView view{quant::find_codec("f32"), shape, buffer.bytes()};
    out_.owned_.push_back(std::move(buffer));
    return from_view(view, shape);
  }

  /// Halves of every expert of ffn_gate_up_exps: gate rows first, then up rows.
  void split_gate_up() {
    const std::optional<Weight>& both = slot(Role::ffn_gate_up_exps);
    if (!both || slot(Role::ffn_gate_exps)) return;
    Weight half = *both;
    half.rows /= 2;
    check_groups(*half.codec, half.rows, "ffn_gate_up_exps");
    slot(Role::ffn_gate_exps) = half;
    half.data += half.codec->row_bytes(half.cols) * half.rows;
    slot(Role::ffn_up_exps) = half;
  }

  /// Rows [first, first + n) of a single matrix, without a copy.
  static Weight rows_of(const Weight& w, std::size_t first, std::size_t n, std::string_view what) {
    check_groups(*w.codec, first, what);
    check_groups(*w.codec, n, what);
    Weight piece{.codec = w.codec, .cols = w.cols, .rows = n};
    piece.data = w.data + first * w.codec->row_bytes(w.cols);
    piece.matrix_bytes = n * w.codec->row_bytes(w.cols);
    return piece;
  }

  /// attn_qkv: rows of q, then k, then v.
  void split_qkv(const model::AttentionPlan& plan) {
    const std::optional<Weight>& all = slot(Role::attn_qkv);
    if (!all) return;
    const std::size_t q = std::size_t{plan.n_head} * plan.key_dim;
    const std::size_t k = std::size_t{plan.n_kv_head} * plan.key_dim;
    const std::size_t v = std::size_t{plan.n_kv_head} * plan.value_dim;
    slot(Role::attn_q) = rows_of(*all, 0, q, "attn_qkv");
    slot(Role::attn_k) = rows_of(*all, q, k, "attn_qkv");
    slot(Role::attn_v) = rows_of(*all, q + k, v, "attn_qkv");
  }

  /// ffn_up: gate rows first, then up rows.
  void split_up(const model::DenseFfnPlan& plan) {
    const std::optional<Weight> both = slot(Role::ffn_up);
    if (!both) return;
    slot(Role::ffn_gate) = rows_of(*both, 0, plan.width, "ffn_up");
    slot(Role::ffn_up) = rows_of(*both, plan.width, plan.width, "ffn_up");
  }

  /// H matrices {rows, cols} to H matrices {cols, rows}.
  Weight transpose(const Weight& w) {
    const quant::Codec& codec = float_codec(*w.codec);
    Weight t{.codec = &codec, .cols = w.rows, .rows = w.cols, .n_matrices = w.n_matrices};
    t.matrix_bytes = codec.row_bytes(t.cols) * t.rows;
    tensor::Buffer buffer(t.matrix_bytes * t.n_matrices);
    std::vector<float> turned(t.rows * t.cols);
    for (std::size_t m = 0; m < w.n_matrices; ++m) {
      const std::vector<float> plain = decode_matrix(w, m);
      for (std::size_t r = 0; r < w.rows; ++r) {
        for (std::size_t c = 0; c < w.cols; ++c) turned[c * t.cols + r] = plain[r * w.cols + c];
      }
      codec.encode({.x = turned, .rows = t.rows, .cols = t.cols, .importance = {}},
                   buffer.bytes().subspan(m * t.matrix_bytes, t.matrix_bytes));
    }
    t.data = buffer.data();
    out_.owned_.push_back(std::move(buffer));
    return t;
  }

  /// K rows or V rows of every head of attn_kv_b, without a copy.
  static Weight rows_of_heads(const Weight& kv_b, std::size_t n_head, std::size_t first,
                              std::size_t n) {
    Weight w{.codec = kv_b.codec, .cols = kv_b.cols, .rows = n, .n_matrices = n_head};
    w.matrix_bytes = kv_b.matrix_bytes / n_head;
    w.data = kv_b.data + first * w.codec->row_bytes(w.cols);
    return w;
  }

  void shape_mla(const model::MlaPlan& plan, MlaForms forms) {
    const std::optional<Weight>& kv_b = slot(Role::attn_kv_b);
    const std::optional<Weight>& k_b = slot(Role::attn_k_b);
    const std::optional<Weight>& v_b = slot(Role::attn_v_b);
    if (kv_b) {
      const std::size_t group = kv_b->codec->group_rows;
      if (plan.nope_dim % group != 0 || plan.value_dim % group != 0) {
        throw base::Error(base::Fault::unsupported, "rows of two heads are woven together")
            .at("tensor", model::tensor_name(Role::attn_kv_b, layer_))
            .at("type", kv_b->codec->name);
      }
      out_.kv_keys_ = rows_of_heads(*kv_b, plan.n_head, 0, plan.nope_dim);
      out_.kv_values_ = rows_of_heads(*kv_b, plan.n_head, plan.nope_dim, plan.value_dim);
    }
    if (k_b) out_.k_b_ = *k_b;
    if (v_b) out_.v_b_ = *v_b;
    if (!v_b) out_.v_b_ = out_.kv_values_;
    if (!kv_b) out_.kv_values_ = out_.v_b_;
    if (!k_b && forms.absorbed) out_.k_b_ = transpose(out_.kv_keys_);
    if (!kv_b && forms.expanded) out_.kv_keys_ = transpose(out_.k_b_);
  }

  const Model& model_;
  int layer_;
  LayerWeights out_;
};

LayerWeights LayerWeights::load(const Model& model, int layer, MlaForms forms) {
  return LayerLoader(model, layer).load(forms);
}

const Weight* LayerWeights::find(Role role) const noexcept {
  const auto& w = weights_[index(role)];
  return w ? &*w : nullptr;
}

const Weight& LayerWeights::at(Role role) const {
  const Weight* w = find(role);
  if (w == nullptr) {
    throw base::Error(base::Fault::bad_file, "a required tensor is missing")
        .at("tensor", model::role_name(role).stem);
  }
  return *w;
}

const float* LayerWeights::vector(Role role) const noexcept {
  const auto& v = vectors_[index(role)];
  return v.empty() ? nullptr : v.data();
}

namespace {

template <class Visit>
void for_tensors(const Model& model, int layer, const Visit& visit) {
  for (const model::TensorRow& row : model.spec().tensors) {
    if (row.layer != layer || !row.used) continue;
    if (const gguf::TensorInfo* info = model.files().find(row.name)) visit(*info);
  }
}

}  // namespace

void prefetch_layer(const Model& model, int layer) {
  constexpr std::size_t kPage = 4096;
  for_tensors(model, layer, [&](const gguf::TensorInfo& info) {
    const gguf::File& file = model.files().shards()[info.shard];
    file.mapping().will_need(info.offset, info.size);
    const auto bytes = model.files().bytes(info);
    for (std::size_t at = 0; at < bytes.size(); at += kPage) {
      static_cast<void>(*static_cast<const volatile std::byte*>(bytes.data() + at));
    }
  });
}

void release_layer(const Model& model, int layer) {
  for_tensors(model, layer, [&](const gguf::TensorInfo& info) {
    model.files().shards()[info.shard].mapping().dont_need(info.offset, info.size);
  });
}

}  // namespace runtime
