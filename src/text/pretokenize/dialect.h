// The dialect in which pre-tokenizer expressions are written, read into sets of code points and
// everything between them. Source: docs/spec/tokenizers.md 5.2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/pretokenize/code_point_set.h"

namespace text {

/// A set that matches one code point, or an operator of the expression (group, quantifier, ...).
struct DialectItem {
  bool is_set = false;
  CodePointSet set = {};
  std::string operation = {};  ///< in the syntax of PCRE2
};

/// Reads one expression. Capturing groups become plain ones. Throws Fault::bad_input for what the
/// dialect does not have.
std::vector<DialectItem> parse_dialect(std::string_view pattern);

}  // namespace text
