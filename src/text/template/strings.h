// Python's string operations, by characters, not bytes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace text::jinja {

/// Views of the characters of well-formed UTF-8; a broken byte is a character of its own. 16 bytes
/// for each: whoever calls it counts them.
std::vector<std::string_view> characters(std::string_view text);
/// How many there are.
std::size_t n_characters(std::string_view text);
/// Bytes of the first n characters, or of all.
std::size_t bytes_of(std::string_view text, std::size_t n);
/// Bytes of the last character of a text that is not empty.
std::size_t last_bytes(std::string_view text);

/// text.find(part, from) and text.rfind(part), in time linear in the text for every part.
std::size_t find_text(std::string_view text, std::string_view part, std::size_t from = 0);
std::size_t find_last(std::string_view text, std::string_view part);

/// Removes characters of `set` from the chosen ends; without a set, Unicode white space.
std::string_view strip(std::string_view text, std::optional<std::string_view> set, bool left,
                       bool right);

/// Takes one part of a text.
using Sink = std::function<void(std::string_view)>;
/// str.split: by runs of white space, or by a separator (not empty); at most `limit` cuts if >= 0.
void split(std::string_view text, std::optional<std::string_view> separator, std::int64_t limit,
           const Sink& sink);
/// The same from the right: the last part first.
void split_from_right(std::string_view text, std::optional<std::string_view> separator,
                      std::int64_t limit, const Sink& sink);
/// str.splitlines: at line feeds, carriage returns and the other ends of lines of Unicode.
void split_lines(std::string_view text, bool keep_ends, const Sink& sink);

/// str.islower, str.isupper: some letter has a case, and none has the other one.
bool is_lower(std::string_view text);
bool is_upper(std::string_view text);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
/// str.casefold: lower case, and both letters for a sharp s or a ligature.
std::string case_folded(std::string_view text);
std::string capitalized(std::string_view text);
/// str.title: a word is a run of letters.
std::string titled(std::string_view text);
/// The filter `title`: words begin behind white space, hyphens and opening brackets.
std::string titled_words(std::string_view text);
/// str.swapcase.
std::string swapped_case(std::string_view text);
/// str.expandtabs.
std::string with_spaces_for_tabs(std::string_view text, std::size_t width);

/// A width in characters: negative is none. Throws above 1 M.
std::size_t field_width(std::int64_t width);
/// str.center, str.ljust and str.rjust; `fill` is one character.
std::string centered(std::string_view text, std::size_t width, std::string_view fill);
std::string left_justified(std::string_view text, std::size_t width, std::string_view fill);
std::string right_justified(std::string_view text, std::size_t width, std::string_view fill);

/// The text with at most `limit` replacements if >= 0, in parts.
void replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t limit,
             const Sink& sink);

}  // namespace text::jinja
