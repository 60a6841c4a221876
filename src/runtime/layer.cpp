#include "runtime/layer.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "kernels/decode.h"
#include "model/left_over.h"
#include "runtime/attention.h"
#include "runtime/ffn.h"
#include "runtime/finite.h"

namespace runtime {
namespace {

using model::Role;

void add_rows(const Pass& pass, const Matrix& to, const Matrix& what) {
  for_rows(pass, to.n, to.cols, [&](std::size_t i) {
    pass.runtime.kernels.add_scaled(to.row(i), 1.0F, what.row(i), to.cols);
  });
}

void mix(const Pass& pass, const model::LayerPlan& plan, const Rows& x, const Matrix& out) {
  plan.mla ? run_mla(pass, *plan.mla, x, out) : run_attention(pass, *plan.attention, x, out);
}

void feed_forward(const Pass& pass, const model::LayerPlan& plan, const Rows& x,
                  const Matrix& out) {
  plan.moe ? run_moe(pass, *plan.moe, x, out) : run_dense_ffn(pass, *plan.dense, x, out);
}

}  // namespace

void norm_rows(const Pass& pass, const Rows& x, const float* weight, const float* bias, float* out,
               std::size_t out_stride) {
  const auto& kernels = pass.runtime.kernels;
  const float eps = pass.spec.norm_eps;
  for_rows(pass, x.n, x.cols * 2, [&](std::size_t i) {
    if (pass.spec.norm == model::NormKind::rms) {
      kernels.rms_norm(x.row(i), weight, eps, x.cols, out + i * out_stride);
    } else {
      kernels.layer_norm(x.row(i), weight, bias, eps, x.cols, out + i * out_stride);
    }
  });
}

void run_layer(const Pass& pass, const Matrix& hidden) {
  const Stack::Frame frame(pass.work.stack);
  const model::LayerPlan& plan = pass.spec.layers[static_cast<std::size_t>(pass.layer)];
  const LayerWeights& w = pass.weights;
  const Matrix x = take_matrix(pass, hidden.n, hidden.cols);
  const Matrix mixed = take_matrix(pass, hidden.n, hidden.cols);
  const bool sandwich = plan.residual == model::Residual::sandwich;
  norm_rows(pass, hidden.rows(), w.vector(Role::attn_norm), w.vector(Role::attn_norm_bias), x.data,
            x.cols);
  mix(pass, plan, x.rows(), mixed);
  if (sandwich) {
    norm_rows(pass, mixed.rows(), w.vector(Role::post_attention_norm), nullptr, mixed.data,
              mixed.cols);
  }
  add_rows(pass, hidden, mixed);
  check_finite(pass, hidden.rows(), "attention");
  if (plan.residual != model::Residual::parallel) {
    norm_rows(pass, hidden.rows(), w.vector(plan.ffn_norm), nullptr, x.data, x.cols);
  }
  feed_forward(pass, plan, x.rows(), mixed);
  if (sandwich) {
    norm_rows(pass, mixed.rows(), w.vector(Role::post_ffw_norm), nullptr, mixed.data, mixed.cols);
  }
  add_rows(pass, hidden, mixed);
  check_finite(pass, hidden.rows(), "feed-forward");
  for (Observer* o : pass.observers) o->hidden(pass.layer, hidden.rows(), pass.runtime);
}

void embed(const Pass& pass, const Matrix& hidden) {
  const Weight& table = pass.ends.at(Role::token_embd);
  for (std::size_t i = 0; i < hidden.n; ++i) {
    const std::int32_t id = pass.batch.ids[i];
    if (id < 0 || static_cast<std::uint32_t>(id) >= pass.spec.n_vocab) {
      throw base::Error(base::Fault::bad_input, "a token id lies outside the vocabulary")
          .at("found", id)
          .at("expected", "0 to " + std::to_string(pass.spec.n_vocab - 1));
    }
  }
  const std::size_t group = table.codec->group_rows;
  const std::size_t row_bytes = table.codec->row_bytes(table.cols);
  for_rows(pass, hidden.n, hidden.cols * group, [&](std::size_t i) {
    const auto id = static_cast<std::size_t>(pass.batch.ids[i]);
    const std::byte* from = table.data + id / group * group * row_bytes;
    if (group == 1) {
      kernels::decode_group(pass.runtime.kernels, *table.codec, from, table.cols, hidden.row(i));
    } else {
      std::vector<float> rows(group * table.cols);
      kernels::decode_group(pass.runtime.kernels, *table.codec, from, table.cols, rows.data());
      std::copy_n(rows.data() + id % group * table.cols, table.cols, hidden.row(i));
    }
    const float scale = pass.spec.embedding_scale;  // product_gain is for products only
    if (scale == 1.0F) return;
    for (std::size_t j = 0; j < hidden.cols; ++j) hidden.row(i)[j] *= scale;
  });
  check_finite(pass, hidden.rows(), "embedding");
  for (Observer* o : pass.observers) o->hidden(-1, hidden.rows(), pass.runtime);
}

void run_output(const Pass& pass, const Matrix& hidden, std::span<const std::uint32_t> rows,
                const Matrix& logits) {
  const Stack::Frame frame(pass.work.stack);
  const Matrix x = take_matrix(pass, rows.size(), hidden.cols);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(hidden.row(rows[i]), hidden.cols, x.row(i));
  }
  norm_rows(pass, x.rows(), pass.ends.vector(Role::output_norm),
            pass.ends.vector(Role::output_norm_bias), x.data, x.cols);
  const Target target{.role = Role::output,
                      .weight = &pass.ends.at(Role::output),
                      .out = logits.data,
                      .stride = logits.cols};
  linear(pass, {&target, 1}, x.rows());
  check_finite(pass, logits.rows(), "output", rows);
  const float scale = pass.spec.logit_scale;
  const float cap = pass.spec.final_soft_cap;
  if (scale == 1.0F && cap == 0.0F) return;
  for_rows(pass, logits.n, logits.cols * 10, [&](std::size_t i) {
    for (std::size_t j = 0; j < logits.cols; ++j) {
      float& z = logits.row(i)[j];
      z *= scale;
      if (cap != 0.0F) z = cap * std::tanh(z / cap);
    }
  });
}

void check_runnable(const model::ModelSpec& spec, const gguf::FileSet& files) {
  std::unordered_set<std::string_view> known;
  for (const model::TensorRow& row : spec.tensors) known.insert(row.name);
  for (const gguf::TensorInfo& info : files.tensors()) {
    if (known.count(info.name) != 0 || !model::would_count(spec, info.name)) continue;
    throw base::Error(base::Fault::unsupported, "the file has a tensor that would not be computed")
        .at("tensor", info.name)
        .at("architecture", spec.architecture)
        .hint("the original is a variant of this architecture that is not known here");
  }
}

}  // namespace runtime
