// Which template a conversation gets: what --chat-template and --chat-template-file say, and what
// is told where the model brings none or another family's was asked for.
#pragma once

#include <string>

#include "cli/options.h"
#include "gguf/value.h"
#include "text/chat_format.h"

namespace cli {

/// The template that was asked for; empty: none was.
struct GivenTemplate {
  std::string text = {};
  std::string called = {};  ///< in messages
};
/// Throws Fault::bad_usage for both options at once and for what is neither Jinja nor a name,
/// Fault::bad_input for a file without a template.
GivenTemplate given_template(const Args& args);

/// Tells which template is used where the model brings none, and that a built-in one has marks
/// which the vocabulary does not know: the model would read them as plain text.
void tell_template(const text::ChatFormat& format, const gguf::Metadata& metadata,
                   const text::Tokenizer& tokenizer);

}  // namespace cli
