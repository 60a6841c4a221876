#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "convert/tokenizer_json.h"

namespace convert {

/// The value of tokenizer.ggml.pre for a byte-level BPE tokenizer: the family that has the same
/// expressions, or, if none has, one that cuts a probe text into the same words (with a finding).
/// Either is checked on the probe. Among equals the one with the tokenizer's ignore_merges, then
/// the one with its `clean_spaces` (clean_up_tokenization_spaces, if known) is taken. Throws
/// Fault::unsupported with the expressions if nothing fits. Source:
/// docs/spec/tokenizers.md 5.3, 5.4.
std::string find_pre_name(const TokenizerJson& tokenizer, std::optional<bool> clean_spaces,
                          base::Findings& findings);

/// Text on which ways of cutting differ: contractions, digit runs, white space, punctuation,
/// scripts, marks, emoji.
std::string_view probe_text() noexcept;

}  // namespace convert
