// Tensors left out, renamed, taken from another model.
#pragma once

#include <string>
#include <vector>

#include "recipe/pattern.h"
#include "surgery/check.h"
#include "surgery/draft.h"

namespace surgery {

/// Removes what matches; the names. Throws Fault::bad_usage if nothing does.
std::vector<std::string> drop_tensors(Draft& draft, const recipe::Pattern& pattern);

struct Grafted {
  std::vector<std::string> replaced, added;
};
/// Takes every tensor of `donor` that matches: in the place of the one with the same name, which
/// must have the same shape, or at the end. `donor` must outlive the draft. Throws Fault::bad_usage
/// if nothing matches, Fault::bad_input for another shape.
Grafted graft_tensors(Draft& draft, const gguf::FileSet& donor, const recipe::Pattern& pattern);

/// Throws Fault::bad_usage if there is no such tensor or the name is taken.
void rename_tensor(Draft& draft, const std::string& from, const std::string& to);

/// Sets general.quantization_version if the draft holds quantized tensors and no such key; true if
/// it did. Source: docs/spec/gguf.md, section 4.
bool settle_quantization_version(Draft& draft);

/// What the draft would be found wrong with that its source is not: keys that the architecture
/// needs, tensors that are missing, a tokenizer that no longer works, a form of latent attention
/// that no public program reads; and what it has lost (surgery/consequence.h).
base::Findings new_faults(const Draft& draft);

}  // namespace surgery
