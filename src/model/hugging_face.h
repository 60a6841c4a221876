// The Hugging Face side of an architecture, as data that its file in arch/ gives: names of classes
// and tensors, how config.json becomes metadata, what happens to values on the way. The converter
// reads it; nothing outside an architecture's file knows its names. Source: docs/spec/models.md 5.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"
#include "model/hf_config.h"
#include "model/spec.h"

namespace model {

/// Which kv tensors of latent attention are written (docs/spec/models.md 3.1).
enum class MlaForm : std::uint8_t {
  kv_b,   ///< flavour A: attn_kv_b
  split,  ///< flavour C: 3D attn_k_b and attn_v_b
  both,   ///< flavour B: attn_kv_b with 2D attn_k_b and attn_v_b
};

/// Metadata in the making: keys get the architecture's prefix, or none when they begin with
/// "general.".
class HfKeys {
 public:
  /// All must outlive this object.
  HfKeys(std::string architecture, MlaForm mla, gguf::Metadata& metadata, base::Findings& findings)
      : architecture_(std::move(architecture)),
        mla_(mla),
        metadata_(metadata),
        findings_(findings) {}

  MlaForm mla() const noexcept { return mla_; }
  void count(std::string_view key, std::uint32_t value);
  void number(std::string_view key, double value);  ///< stored as f32
  void flag(std::string_view key, bool value);
  void text(std::string_view key, std::string value);
  /// The same for values that may be absent: then no key is written.
  void count(std::string_view key, std::optional<std::uint32_t> value);
  void number(std::string_view key, std::optional<double> value);
  void flag(std::string_view key, std::optional<bool> value);
  /// Something that a program for GGUF does otherwise than the original.
  void warn(std::string_view config_key, std::string text);
  /// Something that is as the original means it, but not said there.
  void note(std::string_view config_key, std::string text);

 private:
  std::string full(std::string_view key) const;

  std::string architecture_;
  MlaForm mla_;
  gguf::Metadata& metadata_;
  base::Findings& findings_;
};

/// What happens to a tensor between the folder and the file. "Rows" are output rows: a PyTorch
/// weight (out, in) has `out` of them.
enum class HfChange : std::uint8_t {
  none,
  left_out,         ///< known and not wanted; the role does not count
  rope_pairs,       ///< in every head of key_length rows, halves become neighbours (1.5)
  plus_one,         ///< 1 is added, in f32 (gemma norms)
  mla_whole,        ///< kv_b as it is; only for MlaForm kv_b and both
  mla_keys,         ///< K rows of kv_b, transposed a head; only for MlaForm split and both
  mla_values,       ///< V rows of kv_b; only for MlaForm split and both
  transposed,       ///< the two last axes change places
  transposed_even,  ///< and of the rows that this gives, 0, 2, 4, ... are taken
  transposed_odd,
  even_rows,  ///< rows 0, 2, 4, ... of every matrix
  odd_rows,
  even_columns,  ///< elements 0, 2, 4, ... of every row
  odd_columns,
};

/// One kind of tensor of the folder. In `name`, {L} stands for the layer and {E} for the expert;
/// tensors with {E} are stacked. A name ending in "_blocks" is MXFP4 with "_scales" beside it. The
/// same name may stand in several rows: each makes a tensor of its own.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): rows read as role, name, change
struct HfTensor {
  Role role = Role::count;
  std::string_view name;
  HfChange change = HfChange::none;
};

/// A tensor that is computed from config.json: rope divisors. Written as f32.
struct HfMadeTensor {
  Role role = Role::count;
  std::vector<float> values;
};

/// What an architecture says about its originals.
struct HuggingFaceForm {
  std::span<const std::string_view> classes;           ///< values of config.json "architectures"
  std::span<const std::string_view> model_types = {};  ///< "model_type" inside a vision model
  /// Writes the architecture's keys in the order of the public converter; refuses what GGUF cannot
  /// say (docs/spec/models.md 5.2, 5.5).
  void (*metadata)(const HfConfig& config, HfKeys& keys);
  /// Groups of rows; the first group that knows a name decides, so an architecture's own rows
  /// stand before those that many share.
  std::array<std::span<const HfTensor>, 8> tensors = {};
  std::vector<HfMadeTensor> (*made)(const HfConfig& config) = nullptr;
  /// tie_word_embeddings when config.json does not say.
  bool tied_by_default = false;
};

// Rows that most architectures share: weights (and biases, where a model has them) under the names
// of docs/spec/models.md 5.3.
extern const std::span<const HfTensor> kHfEnds;       ///< embed_tokens, norm, lm_head
extern const std::span<const HfTensor> kHfAttention;  ///< input_layernorm, q, k, v, o; plain rows
extern const std::span<const HfTensor> kHfRotatedAttention;  ///< the same, q and k as rope_pairs
extern const std::span<const HfTensor> kHfDenseFfn;  ///< post_attention_layernorm, gate, up, down
extern const std::span<const HfTensor> kHfExperts;   ///< mlp.gate, mlp.experts.{E}, shared ones
extern const std::span<const HfTensor> kHfNextn;     ///< next-token prediction

/// The architecture has layers for next-token prediction behind its others (kHfNextn).
bool hf_predicts_next(const HuggingFaceForm& form) noexcept;

/// What differs in the keys that all models have.
struct HfCommonDefaults {
  double rope_theta = 10000;
  bool layer_norm = false;  ///< layer_norm_eps instead of rms_norm_eps
  bool head_sizes = true;   ///< key_length and value_length from head_dim
};
/// block_count, context_length, embedding_length, feed_forward_length, head counts,
/// rope.freq_base, epsilon, expert_count, expert_used_count, head sizes, and a place for
/// general.file_type, which is filled later; in this order.
void hf_common_keys(const HfConfig& config, HfKeys& keys, const HfCommonDefaults& defaults = {});
/// head_dim, or hidden_size / num_attention_heads.
std::uint32_t hf_head_dim(const HfConfig& config);
/// vocab_size, rope.dimension_count (head size * partial_rotary_factor).
void hf_vocab_and_rotation_keys(const HfConfig& config, HfKeys& keys, double partial_rotary = 1.0);
/// For architectures whose heads are rotated whole, by pairs that the converter makes neighbours:
/// Fault::unsupported for a partial_rotary_factor other than 1.
void hf_require_whole_rotation(const HfConfig& config);
/// What an architecture does with rope_scaling beyond the keys that all have.
struct HfScaling {
  std::span<const std::string_view> handled = {};  ///< further types, written by the caller
  bool divisors = false;       ///< reads rope_freqs: type llama3, with hf_llama3_divisors
  bool own_magnitude = false;  ///< yarn: attention_factor and mscale are the caller's
  bool sharp_corners = false;  ///< yarn: `truncate` is the caller's
};
/// rope.scaling.* of the types linear and yarn; llama3 needs no key, "dynamic" is a finding. Other
/// types, and what of them GGUF or the architecture cannot say, are refused (Fault::unsupported).
/// Returns the type.
std::string hf_rope_scaling_keys(const HfConfig& config, HfKeys& keys,
                                 const HfScaling& scaling = {});
/// rope.scaling.attn_factor that makes a program rotate with the magnitude of the original: its
/// attention_factor, or g(mscale) / g(mscale_all_dim) with g(t) = 1 + 0.1 t ln(factor), over the
/// g(1) that programs multiply by. Nothing where the original has g(1) too. Source:
/// docs/spec/models.md 1.5.
std::optional<double> hf_yarn_attn_factor(const HfConfig& rope);
/// rope_freqs of rope type llama3 (docs/spec/models.md 1.5); nothing for other types.
std::vector<HfMadeTensor> hf_llama3_divisors(const HfConfig& config);

/// Which layer sees everything: every n-th, as layer_types or sliding_window_pattern says, n =
/// `by_default` without either. Fault::unsupported for another order of layers.
std::uint32_t hf_sliding_period(const HfConfig& config, std::uint32_t by_default);
/// For architectures that know one order only.
void hf_require_sliding_period(const HfConfig& config, std::uint32_t period);

/// The key of config.json from which most architectures make a key (without their prefix):
/// "intermediate_size" of "feed_forward_length". Empty for others. Source: docs/spec/models.md 5.2.
std::string_view hf_key_of(std::string_view key) noexcept;

/// The layer and expert of a name that fits a pattern of HfTensor; -1 where the pattern has none.
struct HfPlace {
  int layer = -1, expert = -1;
};
std::optional<HfPlace> hf_match(std::string_view pattern, std::string_view name) noexcept;
/// The name that a pattern has for a layer and an expert.
std::string hf_name(std::string_view pattern, HfPlace place);

/// The architecture whose originals have this class, or inside a vision model this model type.
/// Null if unknown.
const Architecture* find_architecture_of_class(std::string_view hf_class) noexcept;
const Architecture* find_architecture_of_type(std::string_view model_type) noexcept;

}  // namespace model
