#pragma once

#include <string_view>

#include "convert/tokenizer_json.h"

namespace convert {

/// tiktoken.model, one "BASE64 RANK" a line, as a byte-level BPE tokenizer: tokens in the aliases
/// of their bytes, ids equal to ranks, and the merge that makes each token (the two parts into
/// which the merges before it leave its bytes; none for tokens found only as whole words). Throws
/// Fault::bad_file with the line for text of another form, and for double ranks and tokens.
TokenizerJson parse_tiktoken(std::string_view text);

}  // namespace convert
