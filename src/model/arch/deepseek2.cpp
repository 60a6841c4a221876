// deepseek2: DeepSeek V2, V3, R1, Kimi K2, GLM-4.7-Flash and their relatives: latent attention
// (MLA), experts with shared ones. Source: docs/spec/models.md 2.15 and 3.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

/// kv tensors of one file, from layer 0: which exist, and the 3D ones' own sizes.
struct KvFlavour {
  const gguf::TensorInfo* q = nullptr;  ///< attn_q or attn_q_b
  const gguf::TensorInfo* kv_b = nullptr;
  const gguf::TensorInfo* v_b = nullptr;
};

KvFlavour inspect(const gguf::FileSet& files) {
  KvFlavour f;
  f.q = files.find(tensor_name(Role::attn_q_b, 0));
  if (f.q == nullptr) f.q = files.find(tensor_name(Role::attn_q, 0));
  f.kv_b = files.find(tensor_name(Role::attn_kv_b, 0));
  f.v_b = files.find(tensor_name(Role::attn_v_b, 0));
  return f;
}

/// P + R. Files with absorbed tensors only may state the size of the cached row (L + R) instead;
/// then the rows of the query matrix decide.
std::uint32_t read_key_dim(const Keys& keys, const KvFlavour& f, const MlaPlan& plan) {
  if (const auto mla = keys.maybe_count("attention.key_length_mla", kHeadDimBounds)) return *mla;
  const std::uint32_t stated = keys.count("attention.key_length", kHeadDimBounds);
  if (stated != plan.kv_rank + plan.rope.n_rot || f.kv_b != nullptr || f.q == nullptr) {
    return stated;
  }
  const std::uint64_t rows = f.q->shape.ne[1];
  if (rows % plan.n_head != 0 || rows / plan.n_head > kHeadDimBounds.max) return stated;
  return static_cast<std::uint32_t>(rows / plan.n_head);
}

std::uint32_t read_value_dim(const Keys& keys, const KvFlavour& f, const MlaPlan& plan) {
  if (const auto mla = keys.maybe_count("attention.value_length_mla", kHeadDimBounds)) return *mla;
  const std::uint32_t stated = keys.count("attention.value_length", kHeadDimBounds);
  if (stated != plan.kv_rank || f.kv_b != nullptr || f.v_b == nullptr) return stated;
  const tensor::Shape& shape = f.v_b->shape;
  const std::uint64_t rows = shape.ne[2] > 1 ? shape.ne[1] : shape.ne[1] / plan.n_head;
  if (rows == 0 || rows > kHeadDimBounds.max) return stated;
  return static_cast<std::uint32_t>(rows);
}

/// The magnitude that YaRN gives the scores moves into the scale, and the rotation keeps length 1
/// (docs/spec/models.md 2.15).
void settle_scale(const Keys& keys, MlaPlan& plan, std::uint32_t key_dim) {
  const float log_multiplier =
      keys.number_or("rope.scaling.yarn_log_multiplier", 0.0F, {0.0, 100.0});
  RopePlan& rope = plan.rope;
  const float log_factor = std::log(1.0F / rope.freq_scale);
  const float magnitude = rope.attn_factor * (1.0F + log_multiplier * log_factor);
  plan.scale = magnitude * magnitude / std::sqrt(static_cast<float>(key_dim));
  if (rope.ext_factor != 0.0F) rope.attn_factor /= 1.0F + 0.1F * log_factor;
}

MlaPlan read_mla(const Keys& keys, const gguf::FileSet& files, const ModelSpec& spec) {
  MlaPlan plan;
  const KvFlavour flavour = inspect(files);
  plan.n_head = uniform_count(keys, "attention.head_count", spec.n_layer, kHeadBounds);
  plan.kv_rank = keys.count("attention.kv_lora_rank", kWidthBounds);
  if (files.find(tensor_name(Role::attn_q_a, 0)) != nullptr) {
    plan.q_rank = keys.count("attention.q_lora_rank", kWidthBounds);
  }
  const std::uint32_t n_rot = keys.count("rope.dimension_count", {2, kHeadDimBounds.max});
  plan.rope = read_rope(keys, RopeKind::normal, n_rot, spec.n_ctx_train);
  const std::uint32_t key_dim = read_key_dim(keys, flavour, plan);
  if (key_dim <= n_rot) {
    keys.refuse("rope.dimension_count", std::to_string(n_rot),
                "less than the head size " + std::to_string(key_dim));
  }
  plan.nope_dim = key_dim - n_rot;
  plan.value_dim = read_value_dim(keys, flavour, plan);
  settle_scale(keys, plan, key_dim);
  return plan;
}

MoePlan read_experts(const Keys& keys, const ExpertCounts& counts) {
  MoePlan plan;
  plan.n_expert = counts.count;
  plan.n_used = counts.used;
  plan.width = keys.count("expert_feed_forward_length", kWidthBounds);
  const std::uint32_t shared = keys.count("expert_shared_count", {0, 64});
  plan.shared_width = shared * plan.width;
  plan.weight_scale = keys.number("expert_weights_scale", {0.0, 1e6});
  plan.normalise = keys.flag_or("expert_weights_norm", false);
  read_groups(keys, plan);
  return plan;
}

void add_mla(Rows& rows, int layer, const MlaPlan& plan, std::uint64_t n_embd) {
  const std::uint64_t heads = plan.n_head;
  const std::uint64_t nope = plan.nope_dim;
  const std::uint64_t value = plan.value_dim;
  const std::uint64_t rank = plan.kv_rank;
  const std::uint64_t q_rows = heads * (nope + plan.rope.n_rot);
  rows.vector(Role::attn_norm, layer, n_embd);
  if (plan.q_rank == 0) {
    rows.matrix(Role::attn_q, layer, n_embd, q_rows);
  } else {
    rows.matrix(Role::attn_q_a, layer, n_embd, plan.q_rank);
    rows.vector(Role::attn_q_a_norm, layer, plan.q_rank);
    rows.matrix(Role::attn_q_b, layer, plan.q_rank, q_rows);
  }
  rows.matrix(Role::attn_kv_a_mqa, layer, n_embd, rank + plan.rope.n_rot);
  rows.vector(Role::attn_kv_a_norm, layer, rank);
  rows.matrix(Role::attn_kv_b, layer, rank, heads * (nope + value)).derivation =
      Derivation::kv_b_from_split;
  TensorRow& k_b = rows.matrix(Role::attn_k_b, layer, nope, rank, heads, Axis::head);
  k_b.derivation = Derivation::k_b_from_kv_b;
  k_b.also_shapes = {{{nope, rank * heads, 1, 1}}};
  TensorRow& v_b = rows.matrix(Role::attn_v_b, layer, rank, value, heads, Axis::head);
  v_b.derivation = Derivation::v_b_from_kv_b;
  v_b.also_shapes = {{{rank, value * heads, 1, 1}}};
  rows.matrix(Role::attn_output, layer, heads * value, n_embd);
}

void note_kv_heads(const Keys& keys, const MlaPlan& plan, ModelSpec& spec) {
  const auto stated = keys.per_layer("attention.head_count_kv", spec.n_layer, kHeadBounds);
  if (!stated || stated->front() == plan.n_head || stated->front() == 1) return;
  spec.findings.push_back({.level = base::Finding::Level::warning,
                           .where = keys.full("attention.head_count_kv"),
                           .text = "says " + std::to_string(stated->front()) +
                                   ", which is neither 1 nor the number of heads; not used"});
}

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "deepseek2");
  ModelSpec spec = begin_spec(files, keys);
  const std::uint32_t n_block = spec.n_layer;
  spec.norm_eps = keys.number("attention.layer_norm_rms_epsilon", {0.0, 1.0});
  const MlaPlan mla = read_mla(keys, files, spec);
  note_kv_heads(keys, mla, spec);
  const std::uint32_t n_nextn = keys.count_or("nextn_predict_layers", 0, {0, n_block - 1});
  spec.n_layer = n_block - n_nextn;
  const ExpertCounts counts = read_expert_counts(keys);
  const std::uint32_t n_dense =
      counts.count == 0 ? n_block : keys.count("leading_dense_block_count", {0, n_block});
  const auto widths = keys.per_layer("feed_forward_length", n_block, {0, kWidthBounds.max});

  Rows rows(spec, files);
  rows.ends(true);
  for (std::uint32_t l = 0; l < n_block; ++l) {
    const int layer = static_cast<int>(l);
    rows.outside_forward_pass(l >= spec.n_layer);
    LayerPlan plan{.mla = mla};
    add_mla(rows, layer, mla, spec.n_embd);
    rows.vector(Role::ffn_norm, layer, spec.n_embd);
    if (l < n_dense) {
      if (!widths) keys.missing("feed_forward_length");
      if ((*widths)[l] == 0) keys.refuse("feed_forward_length", "0", "a width above 0");
      plan.dense = DenseFfnPlan{.width = (*widths)[l]};
      rows.dense_ffn(layer, *plan.dense);
    } else {
      plan.moe = read_experts(keys, counts);
      plan.moe->selection_bias = rows.has_selection_bias(layer);
      plan.moe->gating =
          read_gating(keys, plan.moe->selection_bias ? Gating::sigmoid : Gating::softmax);
      rows.moe(layer, *plan.moe);
    }
    if (l >= spec.n_layer) {
      rows.nextn(layer);
    } else {
      spec.layers.push_back(plan);
    }
  }
  return spec;
}

constexpr std::string_view kClasses[] = {"DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM",
                                         "Glm4MoeLiteForCausalLM", "KimiK2ForCausalLM"};
constexpr std::string_view kTypes[] = {"deepseek_v2", "deepseek_v3", "kimi_k2"};
constexpr std::string_view kKvB = "model.layers.{L}.self_attn.kv_b_proj.weight";
constexpr HfTensor kLatent[] = {
    {Role::attn_q_a, "model.layers.{L}.self_attn.q_a_proj.weight"},
    {Role::attn_q_a_norm, "model.layers.{L}.self_attn.q_a_layernorm.weight"},
    {Role::attn_q_b, "model.layers.{L}.self_attn.q_b_proj.weight"},
    {Role::attn_kv_a_mqa, "model.layers.{L}.self_attn.kv_a_proj_with_mqa.weight"},
    {Role::attn_kv_a_norm, "model.layers.{L}.self_attn.kv_a_layernorm.weight"},
    {Role::attn_kv_b, kKvB, HfChange::mla_whole},
    {Role::attn_k_b, kKvB, HfChange::mla_keys},
    {Role::attn_v_b, kKvB, HfChange::mla_values},
};

bool is_v2(const HfConfig& config) {
  const std::vector<std::string> classes = config.strings("architectures");
  return !classes.empty() && classes.front() == "DeepseekV2ForCausalLM";
}

/// docs/spec/models.md 5.5.
void hf_refuse(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_flag("attention_bias", false);
  config.require_flag("rope_interleave", true);  // the rows would have to change places
  config.require_number("moe_layer_freq", 1);
  if (config.string_or("topk_method", "") == "group_limited_greedy") {
    keys.warn("topk_method",
              "experts are chosen among all; the original limits the choice to groups");
  }
}

/// The softmax scale takes the magnitude, which the programs know only for equal factors.
void hf_yarn(const HfConfig& config, HfKeys& keys) {
  if (hf_rope_scaling_keys(config, keys, {.own_magnitude = true}) != "yarn") return;
  const HfConfig rope = config.rope();
  const double all_dim = rope.number("mscale_all_dim");
  rope.number("mscale");  // without it the original rotates with g(1)
  rope.require_number("mscale", all_dim);
  rope.require_number("attention_factor", 1);
  if (all_dim == 0) rope.require_number("mscale_all_dim", 1);  // g(1) too
  keys.number("rope.scaling.yarn_log_multiplier", 0.1 * all_dim);
}

void hf_head_sizes(const HfConfig& config, HfKeys& keys) {
  const std::uint32_t key = config.count("qk_nope_head_dim") + config.count("qk_rope_head_dim");
  const std::uint32_t value = config.count("v_head_dim");
  const std::uint32_t rank = config.count("kv_lora_rank");
  if (keys.mla() == MlaForm::split) {
    keys.count("attention.head_count_kv", 1U);
    keys.count("attention.key_length", rank + config.count("qk_rope_head_dim"));
    keys.count("attention.value_length", rank);
    keys.count("attention.key_length_mla", key);
    keys.count("attention.value_length_mla", value);
  } else {
    keys.count("attention.head_count_kv", config.count("num_attention_heads"));
    keys.count("attention.key_length", key);
    keys.count("attention.value_length", value);
  }
}

void hf_expert_keys(const HfConfig& config, HfKeys& keys) {
  if (config.count_or("n_routed_experts", 0) == 0) return;
  const bool v2 = is_v2(config);
  keys.count("expert_feed_forward_length", config.count("moe_intermediate_size"));
  keys.count("expert_shared_count", config.count_or("n_shared_experts", 0));
  keys.number("expert_weights_scale", config.number_or("routed_scaling_factor", 1.0));
  // The original of V2 does not look at norm_topk_prob.
  keys.flag("expert_weights_norm", !v2 && config.flag_or("norm_topk_prob", false));
  constexpr std::string_view kScoring[] = {"softmax", "sigmoid"};
  config.require_one_of("scoring_func", kScoring);
  const bool sigmoid = config.string_or("scoring_func", v2 ? "softmax" : "sigmoid") == "sigmoid";
  keys.count("expert_gating_func", static_cast<std::uint32_t>(sigmoid ? 2 : 1));
  const std::uint32_t groups = config.count_or("n_group", 1);
  if (!v2 && groups > 1) {
    keys.count("expert_group_count", groups);
    keys.count("expert_group_used_count", config.count("topk_group"));
  }
}

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  hf_refuse(config, keys);
  hf_common_keys(config, keys, {.head_sizes = false});
  keys.count("leading_dense_block_count", config.count_or("first_k_dense_replace", 0));
  keys.count("vocab_size", config.count("vocab_size"));
  keys.count("attention.q_lora_rank", config.maybe_count("q_lora_rank"));
  keys.count("attention.kv_lora_rank", config.count("kv_lora_rank"));
  hf_head_sizes(config, keys);
  hf_expert_keys(config, keys);
  keys.count("rope.dimension_count", config.count("qk_rope_head_dim"));
  hf_yarn(config, keys);
}

const HuggingFaceForm kHuggingFace{
    .classes = kClasses,
    .model_types = kTypes,
    .metadata = hf_metadata,
    .tensors = {kLatent, kHfEnds, kHfExperts, kHfAttention, kHfDenseFfn, kHfNextn}};

}  // namespace

const Architecture deepseek2{.name = "deepseek2",
                             .models = "DeepSeek V2, V3, R1, Kimi K2, GLM-4.7-Flash and relatives",
                             .build = build,
                             .hugging_face = &kHuggingFace};

}  // namespace model
