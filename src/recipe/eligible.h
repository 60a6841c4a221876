// Which tensors may be quantized at all (docs/spec/recipes.md 3 and 13).
#pragma once

#include "recipe/model_facts.h"
#include "recipe/options.h"

namespace recipe {

/// False for norms, biases, routers and the other tensors that keep the type they have.
bool is_eligible(const Options& options, const ModelFacts& model, const InputTensor& tensor);
/// The matrix that chooses experts: kept, unless --ffn-gate-inp-type asks for it.
bool is_router(const InputTensor& tensor) noexcept;

}  // namespace recipe
