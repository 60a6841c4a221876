// llama: Llama 1 to 3, Mistral, Mixtral and their many relatives. Source: docs/spec/models.md 2.1.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

AttentionPlan read_attention(const Keys& keys, const ModelSpec& spec) {
  AttentionPlan plan;
  plan.n_head = uniform_count(keys, "attention.head_count", spec.n_layer, kHeadBounds);
  plan.n_kv_head =
      keys.has("attention.head_count_kv")
          ? uniform_count(keys, "attention.head_count_kv", spec.n_layer, {1, plan.n_head})
          : plan.n_head;
  if (plan.n_head % plan.n_kv_head != 0) {
    keys.refuse("attention.head_count_kv", std::to_string(plan.n_kv_head),
                "a divisor of the " + std::to_string(plan.n_head) + " heads");
  }
  const std::uint32_t head_dim = std::max(1U, spec.n_embd / plan.n_head);
  plan.key_dim = keys.count_or("attention.key_length", head_dim, kHeadDimBounds);
  plan.value_dim = keys.count_or("attention.value_length", head_dim, kHeadDimBounds);
  plan.scale = 1.0F / std::sqrt(static_cast<float>(plan.key_dim));
  const std::uint32_t n_rot = keys.count_or("rope.dimension_count", plan.key_dim, kHeadDimBounds);
  if (n_rot != plan.key_dim) {
    keys.refuse("rope.dimension_count", std::to_string(n_rot),
                "the head size " + std::to_string(plan.key_dim));
  }
  plan.rope = read_rope(keys, RopeKind::normal, n_rot, spec.n_ctx_train);
  return plan;
}

MoePlan read_experts(const Keys& keys, const ExpertCounts& counts, std::uint32_t n_ff) {
  MoePlan plan;
  plan.n_expert = counts.count;
  plan.n_used = counts.used;
  plan.width = keys.count_or("expert_feed_forward_length", n_ff, kWidthBounds);
  plan.normalise = true;
  return plan;
}

void add_attention(Rows& rows, int layer, const AttentionPlan& plan, std::uint64_t n_embd) {
  const std::uint64_t q = std::uint64_t{plan.n_head} * plan.key_dim;
  const std::uint64_t k = std::uint64_t{plan.n_kv_head} * plan.key_dim;
  const std::uint64_t v = std::uint64_t{plan.n_kv_head} * plan.value_dim;
  rows.vector(Role::attn_norm, layer, n_embd);
  rows.matrix(Role::attn_q, layer, n_embd, q);
  rows.matrix(Role::attn_k, layer, n_embd, k);
  rows.matrix(Role::attn_v, layer, n_embd, v);
  rows.matrix(Role::attn_output, layer, std::uint64_t{plan.n_head} * plan.value_dim, n_embd);
  rows.optional_vector(Role::attn_q_bias, layer, q);
  rows.optional_vector(Role::attn_k_bias, layer, k);
  rows.optional_vector(Role::attn_v_bias, layer, v);
  rows.optional_vector(Role::attn_output_bias, layer, n_embd);
}

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "llama");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = keys.number("attention.layer_norm_rms_epsilon", {0.0, 1.0});
  AttentionPlan attention = read_attention(keys, spec);
  const auto widths = keys.per_layer("feed_forward_length", spec.n_layer, kWidthBounds);
  if (!widths) keys.missing("feed_forward_length");
  const ExpertCounts experts = read_expert_counts(keys);

  Rows rows(spec, files);
  rows.ends(true);
  rows.optional_vector(Role::rope_freqs, -1, attention.rope.n_rot / 2);
  if (rows.present(Role::rope_freqs, -1)) attention.rope.divisors = Role::rope_freqs;
  for (std::uint32_t l = 0; l < spec.n_layer; ++l) {
    const int layer = static_cast<int>(l);
    LayerPlan plan{.attention = attention};
    add_attention(rows, layer, attention, spec.n_embd);
    rows.vector(Role::ffn_norm, layer, spec.n_embd);
    if (experts.count > 0 && rows.present(Role::ffn_gate_inp, layer)) {
      plan.moe = read_experts(keys, experts, (*widths)[l]);
      rows.moe(layer, *plan.moe);
    } else {
      plan.dense = DenseFfnPlan{.width = (*widths)[l]};
      rows.dense_ffn(layer, *plan.dense);
    }
    spec.layers.push_back(plan);
  }
  return spec;
}

constexpr std::string_view kClasses[] = {"LlamaForCausalLM", "MistralForCausalLM",
                                         "MixtralForCausalLM"};
constexpr std::string_view kTypes[] = {"llama", "mistral", "mixtral"};
constexpr HfTensor kMixtral[] = {
    {Role::ffn_gate_inp, "model.layers.{L}.block_sparse_moe.gate.weight"},
    {Role::ffn_gate_exps, "model.layers.{L}.block_sparse_moe.experts.{E}.w1.weight"},
    {Role::ffn_up_exps, "model.layers.{L}.block_sparse_moe.experts.{E}.w3.weight"},
    {Role::ffn_down_exps, "model.layers.{L}.block_sparse_moe.experts.{E}.w2.weight"},
};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_flag("mlp_bias", false);
  const bool mixtral = config.has("num_local_experts");
  hf_common_keys(config, keys, {.rope_theta = mixtral ? 1e6 : 1e4});
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys);
  const auto window = config.maybe_count("sliding_window");
  if (window && *window < config.count("max_position_embeddings")) {
    keys.warn("sliding_window",
              "programs run this architecture with full attention; the original "
              "sees " +
                  std::to_string(*window) + " tokens back");
  }
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kMixtral, kHfEnds, kHfRotatedAttention, kHfDenseFfn},
                                   .made = hf_llama3_divisors};

}  // namespace

const Architecture llama{.name = "llama",
                         .models = "Llama 1 to 3, Mistral, Mixtral and relatives",
                         .build = build,
                         .hugging_face = &kHuggingFace};

}  // namespace model
