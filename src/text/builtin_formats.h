// Conversation formats of model families, for files that carry no template and for --chat-template
// NAME. Source: docs/spec/server.md 9.1.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace text {

struct BuiltInFormat {
  std::string_view name = {};
  std::string_view tokens = {};  ///< between blanks; a vocabulary with all of them is this family's
  std::string_view stops = {};   ///< between blanks; texts that end a reply
  std::string_view source = {};  ///< Jinja
};

/// In the order in which vocabularies are looked at.
std::span<const BuiltInFormat> builtin_formats() noexcept;
/// Null if unknown.
const BuiltInFormat* find_builtin_format(std::string_view name) noexcept;
/// The first one whose tokens the vocabulary has; null if none.
const BuiltInFormat* builtin_format_of(const Tokenizer& tokenizer);
/// A mark of the format ("<|eot_id|>") that the vocabulary does not have; empty if none.
std::string_view first_missing_mark(const BuiltInFormat& format, const Tokenizer& tokenizer);
/// Names between commas.
std::string builtin_format_names();
/// Whether a text may be a template: it says something that Jinja obeys.
bool looks_like_template(std::string_view text) noexcept;

}  // namespace text
