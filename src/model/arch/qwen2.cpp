// qwen2: Qwen 2 and 2.5, QwQ. Biases on q, k and v. Source: docs/spec/models.md 2.3.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "qwen2");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  const auto plan_of = [&](std::uint32_t l) {
    return LayerPlan{.attention = attention, .dense = DenseFfnPlan{.width = widths[l]}};
  };
  rows.layers(spec.n_layer, plan_of, {.qkv = Presence::required});
  return spec;
}

constexpr std::string_view kClasses[] = {"Qwen2ForCausalLM"};
constexpr std::string_view kTypes[] = {"qwen2"};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_flag("use_sliding_window", false);
  hf_common_keys(config, keys);
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys, {.divisors = true});
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kHfEnds, kHfAttention, kHfDenseFfn},
                                   .made = hf_llama3_divisors};

}  // namespace

const Architecture qwen2{.name = "qwen2",
                         .models = "Qwen 2, Qwen 2.5, QwQ",
                         .build = build,
                         .hugging_face = &kHuggingFace};

}  // namespace model
