#pragma once

#include <string>

#include "convert/folder.h"
#include "gguf/value.h"

namespace convert {

/// tokenizer.* keys of a file, in the order of the public converter.
struct Vocabulary {
  gguf::Metadata metadata;
  base::Findings findings;
};

/// Reads tokenizer.json or tokenizer.model, tokenizer_config.json, added_tokens.json,
/// chat_template.jinja of a folder. A byte-level BPE comes from tokenizer.json, anything else from
/// tokenizer.model where there is one; tiktoken.model is the last resort. `pre` overrides
/// tokenizer.ggml.pre; empty: recognised. The result has `n_vocab` tokens, one for each row of the
/// embedding, and is checked by building its tokenizer and taking a probe text there and back.
/// Throws Fault::io, Fault::bad_file, Fault::unsupported.
Vocabulary read_vocabulary(const ModelFolder& folder, std::size_t n_vocab,
                           const std::string& pre = {});

}  // namespace convert
