// Builds the tensor list of a spec: the pieces that several architectures share, so that a new
// architecture lists only what is its own.
#pragma once

#include <functional>

#include "model/spec.h"

namespace model {

enum class Presence : std::uint8_t { absent, optional, required };

/// Which biases the products of an attention have.
struct AttentionBiases {
  Presence qkv = Presence::absent, output = Presence::absent;
};

class Rows {
 public:
  /// Rows are appended to spec.tensors. Both must outlive this object. Presence in the files only
  /// decides which of several spellings is listed.
  Rows(ModelSpec& spec, const gguf::FileSet& files) : spec_(spec), files_(files) {}

  bool present(Role role, int layer) const {
    return files_.find(tensor_name(role, layer)) != nullptr;
  }
  /// exp_probs_b, with suffix or, as a few old files have it, without.
  bool has_selection_bias(int layer) const;
  /// What follows belongs to layers outside the forward pass: optional and unused.
  void outside_forward_pass(bool outside) noexcept { outside_ = outside; }

  /// The reference stays valid until the next row is added.
  TensorRow& matrix(Role role, int layer, std::uint64_t in, std::uint64_t out,
                    std::uint64_t stack = 1, Axis axis = Axis::none);
  /// A vector that is F32 in all files: norm, bias, rope factors.
  TensorRow& vector(Role role, int layer, std::uint64_t n);
  TensorRow& optional_vector(Role role, int layer, std::uint64_t n);
  /// One vector an expert or a head: {n, stack}, F32.
  TensorRow& vectors(Role role, int layer, std::uint64_t n, std::uint64_t stack);

  /// token_embd, output_norm, output (tied if `may_tie`).
  void ends(bool may_tie);
  /// Layers 0 to n_block - 1 with plain attention, as plan_of(layer) says: plans into spec.layers,
  /// tensors into spec.tensors. Layers from spec.n_layer on predict further tokens and do not run.
  void layers(std::uint32_t n_block, const std::function<LayerPlan(std::uint32_t)>& plan_of,
              const AttentionBiases& biases = {});
  /// rope_freqs, rope_factors_short and rope_factors_long, into `rope` what the files have.
  void rope_divisors(RopePlan& rope);
  /// Everything of a layer with plain attention: norms, attention, feed-forward part.
  void layer(int layer, const LayerPlan& plan, const AttentionBiases& biases = {});
  void attention(int layer, const AttentionPlan& plan, const AttentionBiases& biases);
  void dense_ffn(int layer, const DenseFfnPlan& plan);
  /// Router, experts in the spelling of the file (stacked, gate and up merged, or one tensor an
  /// expert), shared expert.
  void moe(int layer, const MoePlan& plan);
  /// nextn.* of a next-token-prediction layer.
  void nextn(int layer);

 private:
  static std::string bare_selection_bias(int layer);
  void bias(Presence presence, Role role, int layer, std::uint64_t n);
  void expert_stack(Role stacked, Role single, int layer, std::uint64_t in, std::uint64_t out,
                    const MoePlan& plan);

  ModelSpec& spec_;
  const gguf::FileSet& files_;
  bool outside_ = false;
};

/// "blk.3.ffn_up.7.weight": one tensor an expert, early Mixtral files.
std::string single_expert_name(Role single, int layer, std::uint32_t expert);

}  // namespace model
