// cohere2: Command R7B, Command A: command-r with three sliding, rotated layers to a full one
// without rotation. Source: docs/spec/models.md 2.13.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

constexpr std::uint32_t kPeriod = 4;  // every fourth layer sees everything

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "cohere2");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm = NormKind::layer;
  spec.norm_eps = keys.number("attention.layer_norm_epsilon", {0.0, 1.0});
  spec.logit_scale = keys.number("logit_scale", kLogitScaleBounds);
  const AttentionPlan attention = read_attention(keys, spec, RopeKind::normal);
  const std::uint32_t window = keys.count("attention.sliding_window", kWindowBounds);
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, kPeriod);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention,
                   .dense = DenseFfnPlan{.width = widths[l]},
                   .residual = Residual::parallel};
    if (slides[l]) {
      plan.attention->window = window;
    } else {
      plan.attention->rope.kind = RopeKind::none;
    }
    return plan;
  });
  return spec;
}

constexpr std::string_view kClasses[] = {"Cohere2ForCausalLM"};
constexpr std::string_view kTypes[] = {"cohere2"};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_flag("attention_bias", false);
  config.require_flag("use_qk_norm", false);
  hf_require_sliding_period(config, kPeriod);
  hf_common_keys(config, keys, {.rope_theta = 5e5, .layer_norm = true});
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys);
  keys.number("logit_scale", config.number_or("logit_scale", 0.0625));
  keys.count("attention.sliding_window", config.count_or("sliding_window", 4096));
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kHfEnds, kHfAttention, kHfDenseFfn},
                                   .tied_by_default = true};

}  // namespace

const Architecture cohere2{.name = "cohere2",
                           .models = "Command R7B, Command A",
                           .build = build,
                           .hugging_face = &kHuggingFace};

}  // namespace model
