// smollm3: llama without rotation in every fourth layer. Source: docs/spec/models.md 2.11.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

constexpr std::uint32_t kPeriod = 4;  // every fourth layer goes without rotation

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "smollm3");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::normal);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention, .dense = DenseFfnPlan{.width = widths[l]}};
    if ((l + 1) % kPeriod == 0) plan.attention->rope.kind = RopeKind::none;
    return plan;
  });
  return spec;
}

constexpr std::string_view kClasses[] = {"SmolLM3ForCausalLM"};
constexpr std::string_view kTypes[] = {"smollm3"};

/// no_rope_layers holds 1 for layers with rotation.
void require_every_fourth(const HfConfig& config) {
  const std::vector<double> rotated = config.numbers("no_rope_layers");
  bool as_known = true;
  for (std::size_t l = 0; l < rotated.size(); ++l) {
    as_known = as_known && (rotated[l] != 0) == ((l + 1) % kPeriod != 0);
  }
  if (rotated.empty()) config.require_number("no_rope_layer_interval", kPeriod);
  if (!as_known) config.require_empty("no_rope_layers");
}

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  for (const char* key : {"attention_bias", "mlp_bias", "use_sliding_window"}) {
    config.require_flag(key, false);
  }
  require_every_fourth(config);
  hf_common_keys(config, keys, {.rope_theta = 2e6});
  hf_require_whole_rotation(config);
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys, {.divisors = true});
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kHfEnds, kHfRotatedAttention, kHfDenseFfn},
                                   .made = hf_llama3_divisors,
                                   .tied_by_default = true};

}  // namespace

const Architecture smollm3{
    .name = "smollm3", .models = "SmolLM 3", .build = build, .hugging_face = &kHuggingFace};

}  // namespace model
