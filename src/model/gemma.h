// What gemma2 and gemma3 share. Source: docs/spec/models.md 2.6, 2.7.
#pragma once

#include "model/hugging_face.h"
#include "model/keys.h"

namespace model {

/// What multiplies q.k: attention.scale if present and not 0, else 1 / sqrt(n_embd / heads) for the
/// model of `layers_of_27b` layers and 1 / sqrt(key_dim) for all others.
float read_gemma_scale(const Keys& keys, const ModelSpec& spec, const AttentionPlan& plan,
                       std::uint32_t layers_of_27b);

/// attention.scale from query_pre_attn_scalar, where it is not what the rule above gives.
void hf_gemma_scale_key(const HfConfig& config, HfKeys& keys, std::uint32_t layers_of_27b);

/// The norms, stored as weight - 1.
extern const std::span<const HfTensor> kHfGemmaNorms;

}  // namespace model
