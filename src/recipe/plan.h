// The whole decision: a type for every tensor of a model, before a byte of data is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recipe/model_facts.h"
#include "recipe/options.h"

namespace recipe {

enum class Action : std::uint8_t {
  copy,    ///< bytes as they are
  encode,  ///< decode the source, encode as `type`
  repack,  ///< between an interleaved type and its plain one, without loss
};

/// The decision about one tensor.
struct Choice {
  std::size_t input = 0;  ///< index into the input tensors
  Action action = Action::copy;
  const TypeFacts* type = nullptr;  ///< of the output
  /// Before interleaving was given up for the number of rows: what importance rules look at.
  const TypeFacts* wanted = nullptr;
  std::string reason = {};   ///< which rule, option or fallback decided
  bool custom_rule = false;  ///< a rule of the user decided
  bool requantize = false;   ///< the source is itself quantized
};

struct TypePlan {
  std::vector<Choice> choices;  ///< in the order of the output
  std::uint32_t file_type = 0;  ///< general.file_type of the output
  std::size_t n_fallbacks = 0;  ///< replacements for unsuitable row lengths
  std::size_t n_encoded = 0;
  base::Findings findings;  ///< fallbacks, rules that matched nothing, odd models
};

/// Throws Fault::bad_input (shapes that must be refused) or Fault::bad_file.
TypePlan plan_types(const Options& options, const gguf::Metadata& metadata,
                    const std::vector<InputTensor>& tensors);

/// general.file_type of the input, or the guess with bit 1024.
std::uint32_t stored_or_guessed_file_type(const gguf::Metadata& metadata,
                                          const std::vector<InputTensor>& tensors);

/// llama.cpp visits and writes tensors without layer first, then by layer, then by name. Returns
/// indices into `tensors`.
std::vector<std::size_t> mainline_order(const std::vector<InputTensor>& tensors);

}  // namespace recipe
