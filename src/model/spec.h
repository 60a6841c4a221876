// model/: what a model is, as data: hyper-parameters, tensors with shape and role, the plan of each
// layer. No computing. One file per architecture in arch/, one line in architectures.cpp. Loader,
// validator, recipe, calibration, info and converter all read this one description; nobody matches
// name strings or architectures elsewhere. Source: docs/spec/models.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gguf/file.h"
#include "tensor/tensor.h"

namespace model {

/// What a tensor is for. Named after the tensor in files; biases have roles of their own.
enum class Role : std::uint8_t {
  token_embd,
  output_norm,
  output_norm_bias,
  output,
  rope_freqs,
  rope_factors_long,
  rope_factors_short,
  attn_norm,
  attn_norm_bias,
  attn_q,
  attn_k,
  attn_v,
  attn_qkv,
  attn_output,
  attn_q_bias,
  attn_k_bias,
  attn_v_bias,
  attn_qkv_bias,
  attn_output_bias,
  attn_q_norm,
  attn_k_norm,
  attn_sinks,
  post_attention_norm,
  attn_q_a,
  attn_q_a_norm,
  attn_q_b,
  attn_kv_a_mqa,
  attn_kv_a_norm,
  attn_kv_b,
  attn_k_b,
  attn_v_b,
  ffn_norm,
  ffn_gate,
  ffn_up,
  ffn_down,
  post_ffw_norm,
  ffn_gate_inp,
  ffn_gate_inp_bias,
  exp_probs_b,
  ffn_gate_exps,
  ffn_up_exps,
  ffn_down_exps,
  ffn_gate_up_exps,
  ffn_gate_exps_bias,
  ffn_up_exps_bias,
  ffn_down_exps_bias,
  ffn_gate_shexp,
  ffn_up_shexp,
  ffn_down_shexp,
  ffn_gate_inp_shexp,
  nextn_eh_proj,
  nextn_embed_tokens,
  nextn_enorm,
  nextn_hnorm,
  nextn_shared_head_head,
  nextn_shared_head_norm,
  count
};
/// Stem and suffix as in files: {"attn_q", ".weight"}, {"attn_q", ".bias"}; exp_probs_b has
/// ".bias".
struct RoleName {
  std::string_view stem, suffix;
};
RoleName role_name(Role role) noexcept;
/// "blk.3.attn_q.weight", or "output.weight" for layer -1.
std::string tensor_name(Role role, int layer);

/// Which tensor of a model. Role::count: no role covers it (the layer may be known even so).
struct TensorId {
  Role role = Role::count;
  int layer = -1;  ///< -1: of no layer
  int piece = -1;  ///< expert of a one-tensor-per-expert file, else -1

  /// A tensor that a model has once: is(Role::output) holds for "output.weight" only.
  bool is(Role once) const noexcept { return role == once && layer < 0; }
  friend bool operator==(const TensorId&, const TensorId&) = default;
};
/// The inverse of tensor_name, and the one place where a name is taken apart. Covers single experts
/// ("blk.3.ffn_up.7.weight" is piece 7 of ffn_up_exps) and the bare "blk.3.exp_probs_b".
TensorId parse_tensor_name(std::string_view name) noexcept;
/// The name with another layer in it; a name without layer as it is.
std::string with_layer(std::string_view name, int layer);
/// What tables group tensors by: "attn_q", "attn_q.bias"; a name that no role covers without
/// "blk.N." and ".weight".
std::string kind_name(std::string_view name);

/// What the third axis of a stacked tensor counts.
enum class Axis : std::uint8_t { none, expert, head };

/// How a tensor that a file lacks is made from others (docs/spec/models.md 3.4, 1.2).
enum class Derivation : std::uint8_t {
  none,
  tied_to_token_embd,  ///< output = token_embd
  kv_b_from_split,     ///< attn_kv_b from attn_k_b and attn_v_b
  k_b_from_kv_b,       ///< attn_k_b: K rows of attn_kv_b, transposed per head
  v_b_from_kv_b,       ///< attn_v_b: V rows of attn_kv_b
  stack_experts,       ///< ffn_X_exps from early one-tensor-per-expert files ffn_X.E
  halves_of_gate_up,   ///< ffn_gate_exps / ffn_up_exps from ffn_gate_up_exps
};

struct TensorRow {
  std::string name;
  Role role = Role::count;
  int layer = -1;
  tensor::Shape shape = {};                     ///< as computed from the hyper-parameters
  std::vector<tensor::Shape> also_shapes = {};  ///< other spellings of the same bytes (2D attn_k_b)
  Axis axis = Axis::none;                       ///< what shape.ne[2] counts
  bool optional = false;                        ///< may be absent without derivation
  Derivation derivation = Derivation::none;
  int piece = -1;         ///< expert held by this row of a one-tensor-per-expert file
  bool used = true;       ///< false: known, but not part of the forward pass (nextn)
  bool f32_only = false;  ///< norms, biases, router bias: F32 in all files
};

enum class RopeKind : std::uint8_t { normal, neox, none };

/// One rotation (docs/spec/models.md 1.5). `divisors` names the tensor with ff[i], if any;
/// `long_divisors` the one that replaces it in runs whose context exceeds n_ctx_orig.
struct RopePlan {
  RopeKind kind = RopeKind::normal;
  std::uint32_t n_rot = 0;
  float base = 10000.0F;
  float freq_scale = 1.0F;   ///< 1 / rope.scaling.factor
  float ext_factor = 0.0F;   ///< 1 for YaRN
  float attn_factor = 1.0F;  ///< magnitude before the YaRN term 1 + 0.1 ln(1/freq_scale)
  float beta_fast = 32.0F, beta_slow = 1.0F;
  bool round_corners = true;  ///< YaRN: corner pairs are whole numbers (all but gpt-oss)
  std::uint32_t n_ctx_orig = 0;
  std::optional<Role> divisors = {};
  std::optional<Role> long_divisors = {};

  friend bool operator==(const RopePlan&, const RopePlan&) = default;
};

/// Multi-head attention with grouped keys and values.
struct AttentionPlan {
  std::uint32_t n_head = 0, n_kv_head = 0;
  std::uint32_t key_dim = 0, value_dim = 0;
  float scale = 0;           ///< multiplies q.k
  float soft_cap = 0;        ///< 0 = none
  std::uint32_t window = 0;  ///< visible iff p_q - p_k < window; 0 = all
  bool qk_norm_rms =
      false;  ///< per-head RMS norm of q and k before rope (attn_q_norm, attn_k_norm)
  bool qk_norm_layer = false;   ///< per-head LayerNorm with weights {key_dim, n_head} (command-r)
  float temperature_scale = 0;  ///< mistral3: q *= 1 + b ln(1 + floor(p / n_ctx_orig)); 0 = off
  bool has_sinks = false;
  bool merged_qkv = false;  ///< attn_qkv holds the rows of q, then k, then v (phi3)
  RopePlan rope;

  friend bool operator==(const AttentionPlan&, const AttentionPlan&) = default;
};

/// Latent attention (docs/spec/models.md 2.15, 3): P = nope_dim, R = rope.n_rot, L = kv_rank.
struct MlaPlan {
  std::uint32_t n_head = 0;
  std::uint32_t q_rank = 0;   ///< 0 = direct attn_q
  std::uint32_t kv_rank = 0;  ///< L
  std::uint32_t nope_dim = 0, value_dim = 0;
  float scale = 0;
  RopePlan rope;

  friend bool operator==(const MlaPlan&, const MlaPlan&) = default;
};

/// What joins gate and up: act(gate) * up, or for gpt_oss_swiglu min(g, 7) * sigmoid(1.702 * g) *
/// (clamp(u, -7, 7) + 1) with the clamped g (docs/spec/models.md 2.14).
enum class Activation : std::uint8_t { silu, gelu_tanh, gpt_oss_swiglu };

struct DenseFfnPlan {
  std::uint32_t width = 0;
  Activation activation = Activation::silu;
  bool merged_up = false;  ///< ffn_up holds gate rows first, then up rows (phi3, glm4)

  friend bool operator==(const DenseFfnPlan&, const DenseFfnPlan&) = default;
};

enum class Gating : std::uint8_t {
  softmax = 1,
  sigmoid = 2,
  softmax_of_selected = 3,
  sqrt_softplus = 4
};

/// Experts (docs/spec/models.md 1.6).
struct MoePlan {
  std::uint32_t n_expert = 0, n_used = 0, width = 0;
  Gating gating = Gating::softmax;
  bool selection_bias = false;  ///< exp_probs_b
  std::uint32_t n_group = 1, n_group_used = 1;
  bool normalise = false;
  float weight_scale = 1.0F;
  std::uint32_t shared_width = 0;  ///< 0 = no shared expert
  bool shared_gate = false;        ///< sigmoid gate of the shared expert (qwen2moe)
  bool biases = false;             ///< of the router and of every expert's products (gpt-oss)
  Activation activation = Activation::silu;

  friend bool operator==(const MoePlan&, const MoePlan&) = default;
};

enum class NormKind : std::uint8_t { rms, layer };
/// pre_norm: x += mixer(norm x), x += ffn(ffn_norm x). sandwich: both results are normed before
/// they are added (post_attention_norm, post_ffw_norm). parallel: x += mixer(n) + ffn(n), n = norm
/// x.
enum class Residual : std::uint8_t { pre_norm, sandwich, parallel };

struct LayerPlan {
  // Exactly one mixer and one feed-forward part is engaged.
  std::optional<AttentionPlan> attention = {};
  std::optional<MlaPlan> mla = {};
  std::optional<DenseFfnPlan> dense = {};
  std::optional<MoePlan> moe = {};
  Residual residual = Residual::pre_norm;
  Role ffn_norm = Role::ffn_norm;  ///< which tensor norms the input of the feed-forward part

  friend bool operator==(const LayerPlan&, const LayerPlan&) = default;
};

struct ModelSpec {
  std::string architecture;
  std::uint32_t n_layer = 0;  ///< layers that run (without next-token-prediction layers)
  std::uint32_t n_embd = 0;
  std::uint32_t n_vocab = 0;
  std::uint32_t n_ctx_train = 0;
  NormKind norm = NormKind::rms;
  float norm_eps = 0;
  float embedding_scale = 1.0F;
  float logit_scale = 1.0F;
  float final_soft_cap = 0;  ///< 0 = none
  std::vector<LayerPlan> layers;
  std::vector<TensorRow> tensors;  ///< every tensor the architecture knows, in canonical order
  base::Findings findings;         ///< doubtful metadata

  const TensorRow* find(Role role, int layer) const noexcept;
  const TensorRow* find(std::string_view name) const noexcept;
};

/// Role, layer and piece of a tensor: those of its row in the spec; without a spec, or a row in it,
/// those that the name tells.
TensorId identify(const ModelSpec* spec, std::string_view name) noexcept;

struct HuggingFaceForm;  // model/hugging_face.h

/// One architecture: turns metadata (and the presence of tensors) into a spec. Throws
/// Fault::bad_file for missing, mistyped or out-of-bounds keys, naming key, found and expected.
struct Architecture {
  std::string_view name;    ///< value of general.architecture
  std::string_view models;  ///< what it covers, for `info` and help
  ModelSpec (*build)(const gguf::FileSet& files);
  const HuggingFaceForm* hugging_face = nullptr;  ///< null: cannot be converted
};

/// By whose rules a model is computed where the public programs differ from its authors.
enum class Rules : std::uint8_t { original, ik, llama_cpp };
/// Changes the plans to what that program computes (docs/spec/models.md 1.6, 2.14): both round the
/// corners of YaRN; ik_llama.cpp knows no groups of experts.
void follow(ModelSpec& spec, Rules rules) noexcept;

std::span<const Architecture* const> all_architectures() noexcept;
const Architecture* find_architecture(std::string_view name) noexcept;

/// Spec of a file by its general.architecture. Throws Fault::unsupported naming what is known.
ModelSpec describe(const gguf::FileSet& files);

/// Compares a file with its spec: required tensors missing (and not derivable), shapes unlike the
/// spec, tensors nobody asked for. Errors throw; doubtful things come back. `output_extra.weight`
/// is ignored.
base::Findings validate(const ModelSpec& spec, const gguf::FileSet& files);
/// The same for reports that go on: every contradiction is a finding of level error, before the
/// doubtful things. Does not throw.
base::Findings examine(const ModelSpec& spec, const gguf::FileSet& files);

}  // namespace model
