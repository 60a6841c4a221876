// Typed hyper-parameters of one architecture, read with bounds. Every architecture reads through
// this; errors name the key, what was found and what was expected. Source: docs/spec/gguf.md 6.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/spec.h"

namespace model {

/// Inclusive bounds of an integer or a float.
template <class T>
struct Bounds {
  T min, max;
};
using CountBounds = Bounds<std::uint32_t>;
using NumberBounds = Bounds<double>;

// What any model may plausibly say; far above the largest known ones.
inline constexpr CountBounds kBlockBounds{1, 512};
inline constexpr CountBounds kWidthBounds{1, 1U << 22};
inline constexpr CountBounds kHeadBounds{1, 1U << 16};
inline constexpr CountBounds kHeadDimBounds{1, 1U << 16};
inline constexpr CountBounds kContextBounds{1, 1U << 30};
inline constexpr CountBounds kExpertBounds{0, 512};
inline constexpr CountBounds kWindowBounds{0, 1U << 30};  // 0 = none
inline constexpr NumberBounds kRopeBaseBounds{1.0, 1e30};
inline constexpr NumberBounds kLogitScaleBounds{1e-6, 1e6};
inline constexpr CountBounds kVocabBounds{1, 1U << 26};

class Keys {
 public:
  /// `metadata` must outlive this object.
  Keys(const gguf::Metadata& metadata, std::string architecture)
      : metadata_(metadata), architecture_(std::move(architecture)) {}

  const std::string& architecture() const noexcept { return architecture_; }
  /// "deepseek2.block_count" for "block_count".
  std::string full(std::string_view key) const { return architecture_ + "." + std::string(key); }
  bool has(std::string_view key) const { return metadata_.has(full(key)); }

  // Absent: Fault::bad_file naming the key (required), nullopt (maybe_) or the fallback (_or).
  // Present but mistyped or out of bounds: Fault::bad_file with key, found, expected.
  std::uint32_t count(std::string_view key, CountBounds bounds) const;
  std::optional<std::uint32_t> maybe_count(std::string_view key, CountBounds bounds) const;
  std::uint32_t count_or(std::string_view key, std::uint32_t fallback, CountBounds bounds) const;
  float number(std::string_view key, NumberBounds bounds) const;
  std::optional<float> maybe_number(std::string_view key, NumberBounds bounds) const;
  float number_or(std::string_view key, float fallback, NumberBounds bounds) const;
  bool flag_or(std::string_view key, bool fallback) const;
  std::optional<std::string_view> maybe_string(std::string_view key) const;
  const gguf::Value* find(std::string_view key) const { return metadata_.find(full(key)); }
  /// One value a layer: a scalar is repeated, an array must have `n_layer` entries or more.
  /// Absent: nullopt.
  std::optional<std::vector<std::uint32_t>> per_layer(std::string_view key, std::size_t n_layer,
                                                      CountBounds bounds) const;

  [[noreturn]] void missing(std::string_view key) const;
  [[noreturn]] void refuse(std::string_view key, const std::string& found,
                           const std::string& expected) const;

 private:
  const gguf::Metadata& metadata_;
  std::string architecture_;
};

/// What every model has: sizes and the vocabulary (from token_embd, compared with vocab_size).
/// n_layer is block_count; an architecture with next-token-prediction layers lowers it.
ModelSpec begin_spec(const gguf::FileSet& files, const Keys& keys);

/// attention.head_count, equal in all layers.
std::uint32_t uniform_count(const Keys& keys, std::string_view key, std::size_t n_layer,
                            CountBounds bounds);

/// Head counts (equal in all layers, head_count_kv a divisor), head sizes (key_length and
/// value_length, n_embd / heads when absent), scale 1 / sqrt(key_dim), and read_rope over
/// rope.dimension_count (key_dim when absent, at most key_dim).
AttentionPlan read_attention(const Keys& keys, const ModelSpec& spec, RopeKind kind);

/// feed_forward_length of every layer, all above 0.
std::vector<std::uint32_t> read_ffn_widths(const Keys& keys, std::size_t n_layer);

/// attention.layer_norm_rms_epsilon.
float read_rms_eps(const Keys& keys);

/// rope.freq_base and rope.scaling.* (docs/spec/models.md 1.5). Throws Fault::unsupported for an
/// unknown rope.scaling.type.
RopePlan read_rope(const Keys& keys, RopeKind kind, std::uint32_t n_rot, std::uint32_t n_ctx_train);

/// Which layers slide: all but every n-th (1-based), n from attention.sliding_window_pattern, else
/// `period`; or as that key's list says, one truth value a layer.
std::vector<bool> read_sliding_layers(const Keys& keys, std::size_t n_layer, std::uint32_t period);

/// expert_gating_func, with `fallback` when absent or 0.
Gating read_gating(const Keys& keys, Gating fallback);

/// expert_count and expert_used_count (1 <= used <= count); count 0 if there are none.
struct ExpertCounts {
  std::uint32_t count = 0, used = 0;
};
ExpertCounts read_expert_counts(const Keys& keys);
/// A plan of that many experts; those of an architecture that cannot be without: Fault::bad_file if
/// there are none.
MoePlan read_required_experts(const Keys& keys);

/// expert_feed_forward_length, else feed_forward_length / experts used.
std::uint32_t read_expert_width(const Keys& keys, const MoePlan& plan, std::size_t n_layer);

/// expert_group_count and expert_group_used_count into plan.n_group, n_group_used, checked against
/// the number of experts.
void read_groups(const Keys& keys, MoePlan& plan);

}  // namespace model
