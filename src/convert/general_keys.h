#pragma once

#include "convert/tensor_plan.h"

namespace convert {

/// general.architecture, type, name and size_label, in the order of the public converter. An empty
/// `name` stands for the folder's own, as it is spelt: tokenizers look for "phi-3" in it.
gguf::Metadata general_keys(const ModelFolder& folder, const TensorPlan& plan,
                            const std::string& name);

/// "7B", "8x7B", "1.5B": weights of the model, or of the shared part and one expert with the number
/// of experts in front; two digits or more.
std::string size_label(std::uint64_t shared, std::uint64_t expert, std::uint64_t n_expert);

}  // namespace convert
