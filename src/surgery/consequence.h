// What an edit takes away from a model that still can be read: tensors and keys that a reader may
// do without, but that this model was made with.
#pragma once

#include "surgery/draft.h"

namespace surgery {

/// Level error: tensors of the source that the result lacks (left out, or under another name) so
/// that something else is computed, one finding a role. Level warning: keys whose loss changes what
/// the tokenizer does or what is computed. What other tensors say as well is no loss. Nothing for
/// architectures that are not known, but for keys of the tokenizer. Source: docs/spec/models.md
/// 1.2, 3.4, docs/spec/tokenizers.md 1.
base::Findings lost_uses(const Draft& draft);

}  // namespace surgery
