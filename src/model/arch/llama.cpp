// llama: Llama 1 to 3, Mistral, Mixtral and their many relatives. Source: docs/spec/models.md 2.1.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

AttentionPlan read_full_rotation(const Keys& keys, const ModelSpec& spec) {
  const AttentionPlan plan = read_attention(keys, spec, RopeKind::normal);
  if (plan.rope.n_rot != plan.key_dim) {
    keys.refuse("rope.dimension_count", std::to_string(plan.rope.n_rot),
                "the head size " + std::to_string(plan.key_dim));
  }
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

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "llama");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_full_rotation(keys, spec);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  const ExpertCounts experts = read_expert_counts(keys);

  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  const auto plan_of = [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention};
    if (experts.count > 0 && rows.present(Role::ffn_gate_inp, static_cast<int>(l))) {
      plan.moe = read_experts(keys, experts, widths[l]);
    } else {
      plan.dense = DenseFfnPlan{.width = widths[l]};
    }
    return plan;
  };
  rows.layers(spec.n_layer, plan_of, {.qkv = Presence::optional, .output = Presence::optional});
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
  hf_require_whole_rotation(config);
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys, {.divisors = true});
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
