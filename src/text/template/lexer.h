#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace text::jinja {

struct Token {
  enum class Type {
    data,
    begin_output,
    end_output,
    begin_block,
    end_block,
    name,
    string,
    integer,
    real,
    operation,
    end
  };
  Type type = Type::end;
  std::string text = {};  ///< strings with escapes resolved
  std::size_t line = 1;
};

/// A mistake in the template's text.
base::Error syntax_error(const std::string& message, std::size_t line);

/// Cuts a template into tokens. White space as Hugging Face sets it up: the line feed behind a
/// block or comment goes, blanks between a line's start and a block or comment go, `-` takes all
/// white space, `+` none; one line feed at the end of the file is dropped. Comments and raw marks
/// are gone. Throws Fault::bad_input with the line.
std::vector<Token> tokenize(std::string_view source);

}  // namespace text::jinja
