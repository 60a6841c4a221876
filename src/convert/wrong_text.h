#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"

namespace convert {

/// A file of a model folder that git has not fetched: a Git LFS pointer (three lines of text)
/// stands in its place. The error to throw, without the file; nothing if `head`, its first bytes or
/// more, is none.
std::optional<base::Error> lfs_pointer(std::string_view head);

/// Why a text is no JSON: line, column and offset, and what is wrong there (empty, cut off, not
/// UTF-8, an unexpected character, or a Git LFS pointer), without the file. `offset` is where the
/// parser stopped, counted from 1, `parser_text` its own message.
base::Error json_error(std::string_view text, std::size_t offset, std::string_view parser_text);

}  // namespace convert
