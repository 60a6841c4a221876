// A whole file of every architecture, made of a synthetic header and zeros. Source:
// docs/spec/models.md 1.2, 2.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model/hf_model.h"
#include "model/spec.h"

namespace test {

using Keys = std::vector<std::pair<std::string, gguf::Value>>;

/// 6 layers, width 32, 4 heads of 16 over 2 KV heads, vocabulary 40.
inline Keys common_keys() {
  return {{"block_count", 6U},           {"context_length", 128U},
          {"embedding_length", 32U},     {"feed_forward_length", 48U},
          {"attention.head_count", 4U},  {"attention.head_count_kv", 2U},
          {"attention.key_length", 16U}, {"attention.value_length", 16U}};
}

/// One architecture: the keys that docs/spec/models.md 2.0 requires beyond the common ones, and
/// tensors whose presence decides something.
struct Sample {
  std::string architecture;
  Keys required;
  Keys optional = {};
  std::vector<std::string> present = {};
};

inline const gguf::Value kEps = 1e-5F;

inline Keys expert_keys() { return {{"expert_count", 4U}, {"expert_used_count", 2U}}; }
inline Keys operator+(Keys a, const Keys& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// All architectures but deepseek2.
inline std::vector<Sample> samples() {
  const Keys rms{{"attention.layer_norm_rms_epsilon", kEps}};
  const Keys window{{"attention.sliding_window", 5U}};
  const Keys width{{"expert_feed_forward_length", 24U}};
  const Keys cohere{{"attention.layer_norm_epsilon", kEps}, {"logit_scale", 0.25F}};
  return {
      {"llama", rms},
      {"mistral3", rms},
      {"qwen2", rms},
      {"qwen2moe", rms + expert_keys(), width},
      {"qwen3", rms},
      {"qwen3moe", rms + expert_keys(), width},
      {"gemma2", rms, window},
      {"gemma3", rms + window},
      {"phi3", rms, {}, {"rope_factors_long.weight", "rope_factors_short.weight"}},
      {"command-r", cohere, {}, {"blk.0.attn_q_norm.weight", "blk.4.attn_q_norm.weight"}},
      {"cohere2", cohere + window},
      {"gpt-oss", rms + window + expert_keys() + width},
      {"glm4", rms, {{"rope.dimension_count", 8U}}},
      {"glm4moe",
       rms + expert_keys() + width +
           Keys{{"expert_shared_count", 1U}, {"expert_weights_scale", 1.5F}},
       {{"leading_dense_block_count", 1U}, {"nextn_predict_layers", 1U}},
       {"blk.1.attn_q_norm.weight", "blk.3.exp_probs_b.bias"}},
      {"smollm3", rms},
  };
}

inline Draft header(const Sample& sample) {
  Draft draft;
  draft.metadata.set("general.architecture", sample.architecture);
  for (const auto& [key, value] : common_keys() + sample.required + sample.optional) {
    draft.metadata.set(sample.architecture + "." + key, value);
  }
  return draft;
}

inline void add_zeros(Draft& draft, const std::string& name, const tensor::Shape& shape) {
  Draft::Tensor t{quant::find_codec("f32"), shape, {}};
  t.bytes.resize(shape.elements() * sizeof(float));
  draft.tensors[name] = std::move(t);
}

/// Describes the file; validate() included.
inline model::ModelSpec described(const Draft& draft, base::Findings* findings = nullptr,
                                  bool validated = true) {
  const test::TempDir dir;
  draft.write(dir / "m.gguf");
  const auto files = gguf::FileSet::open(dir / "m.gguf");
  model::ModelSpec spec = model::describe(files);
  if (!validated) return spec;
  const base::Findings found = model::validate(spec, files);
  if (findings != nullptr) *findings = found;
  return spec;
}

/// A whole file: all tensors of the description, as zeros.
inline Draft whole(const Sample& sample) {
  Draft draft = header(sample);
  add_zeros(draft, "token_embd.weight", {{{32, 40, 1, 1}}});
  for (const std::string& name : sample.present) add_zeros(draft, name, {{{8, 1, 1, 1}}});
  for (const model::TensorRow& row : described(draft, nullptr, false).tensors) {
    const bool asked =
        std::find(sample.present.begin(), sample.present.end(), row.name) != sample.present.end();
    const bool factors = row.layer < 0 && row.optional;
    if (!factors || asked) add_zeros(draft, row.name, row.shape);
  }
  return draft;
}

inline Draft whole(const std::string& architecture) {
  for (const Sample& s : samples()) {
    if (s.architecture == architecture) return whole(s);
  }
  ADD_FAILURE() << architecture;
  return {};
}

}  // namespace test
