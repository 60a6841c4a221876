#include "text/template/strings.h"

#include <algorithm>

#include "text/template/special_case.h"
#include "text/template/value.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

/// Python's str.isspace: our table and the four separators of ASCII.
bool is_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

char32_t code_of(std::string_view character) {
  std::size_t at = 0;
  return decode_utf8(character, at);
}

enum class Case : std::uint8_t { upper, lower, title, folded, same };

constexpr char32_t kCapitalSigma = 0x3A3, kSigma = 0x3C3, kFinalSigma = 0x3C2;

char32_t simple_case(char32_t c, Case to) {
  if (to == Case::folded && c == kFinalSigma) return kSigma;
  return to == Case::same ? c : to == Case::lower || to == Case::folded ? to_lower(c) : to_upper(c);
}

/// Whether a sigma at [begin, end) ends a word: a letter with a case is before it and none behind,
/// apart from what takes no part in words' cases.
bool ends_word(std::string_view text, std::size_t begin, std::size_t end) {
  const auto ignored = [](char32_t c) {
    constexpr std::u32string_view kMarks = U"'.:^`\u00A8\u00AD\u00AF\u00B4\u00B7\u00B8\u2019";
    return (category(c) & kCategoryMark) != 0 || kMarks.find(c) != kMarks.npos;
  };
  const auto cased = [](char32_t c) {
    return (category(c) & kCategoryLetter) != 0 && (to_lower(c) != c || to_upper(c) != c);
  };
  char32_t before = 0, behind = 0;
  while (begin > 0) {
    const std::size_t n = last_bytes(text.substr(0, begin));
    before = code_of(text.substr(begin - n, n));
    if (!ignored(before)) break;
    begin -= n;
  }
  while (end < text.size()) {
    behind = decode_utf8(text, end);
    if (!ignored(behind)) break;
  }
  return cased(before) && !cased(behind);
}

/// The text with each character in the case that `choose` tells for it.
template <class Choose>
std::string mapped(std::string_view text, Choose choose) {
  std::string out;
  out.reserve(text.size());
  bool first = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = decode_utf8(text, at);
    const Case to = choose(c, first);
    first = false;
    const bool capital = to == Case::upper || to == Case::title;
    const SpecialCase* special = capital ? special_case(c) : nullptr;
    if (special != nullptr) {
      for (const char32_t part : to == Case::upper ? special->upper : special->title) {
        append_utf8(part, out);
      }
    } else if (c == kCapitalSigma && to == Case::lower && ends_word(text, begin, at)) {
      append_utf8(kFinalSigma, out);
    } else if (const char32_t other = simple_case(c, to); other != c) {
      append_utf8(other, out);
    } else {
      out += text.substr(begin, at - begin);
    }
  }
  return out;
}

}  // namespace

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    decode_utf8(text, at);
    out.push_back(text.substr(begin, at - begin));
  }
  return out;
}

std::size_t n_characters(std::string_view text) {
  std::size_t n = 0;
  for (std::size_t at = 0; at < text.size(); ++n) decode_utf8(text, at);
  return n;
}

std::size_t bytes_of(std::string_view text, std::size_t n) {
  std::size_t at = 0;
  for (; n > 0 && at < text.size(); --n) decode_utf8(text, at);
  return at;
}

std::size_t last_bytes(std::string_view text) {
  // A character starts at most three bytes before its last one and ends where the text does.
  for (std::size_t n = 4; n > 1; --n) {
    if (n > text.size() || lead_length(text[text.size() - n]) != n) continue;
    std::size_t at = text.size() - n;
    decode_utf8(text, at);
    if (at == text.size()) return n;
  }
  return 1;
}

namespace {

constexpr std::size_t kShortPart = 16;  // for which the plain search is fast whatever the text

/// Knuth, Morris and Pratt's search: how many characters of `text` end with the first place of
/// `part`, or npos. `at(s, i)` is character i, so that it also runs backwards.
template <class At>
std::size_t search(std::string_view text, std::string_view part, At at) {
  std::vector<std::uint32_t> border(part.size() + 1);  // longest prefix that ends before a place
  const auto next = [&](std::size_t matched, char c) {
    while (matched > 0 && at(part, matched) != c) matched = border[matched];
    return at(part, matched) == c ? matched + 1 : matched;
  };
  for (std::size_t i = 1; i < part.size(); ++i) {
    border[i + 1] = static_cast<std::uint32_t>(next(border[i], at(part, i)));
  }
  std::size_t matched = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    matched = next(matched, at(text, i));
    if (matched == part.size()) return i + 1;
  }
  return text.npos;
}

}  // namespace

std::size_t find_text(std::string_view text, std::string_view part, std::size_t from) {
  if (part.size() <= kShortPart) return text.find(part, from);
  if (from > text.size() || text.size() - from < part.size()) return text.npos;
  const std::size_t end =
      search(text.substr(from), part, [](std::string_view s, std::size_t i) { return s[i]; });
  return end == text.npos ? end : from + end - part.size();
}

std::size_t find_last(std::string_view text, std::string_view part) {
  if (part.size() <= kShortPart) return text.rfind(part);
  if (text.size() < part.size()) return text.npos;
  const std::size_t end =
      search(text, part, [](std::string_view s, std::size_t i) { return s[s.size() - 1 - i]; });
  return end == text.npos ? end : text.size() - end;
}

std::string_view strip(std::string_view text, std::optional<std::string_view> set, bool left,
                       bool right) {
  const auto goes = [&](std::string_view c) {
    if (!set) return is_space(code_of(c));
    for (std::size_t at = 0; at < set->size();) {
      const std::size_t begin = at;
      decode_utf8(*set, at);
      if (set->substr(begin, at - begin) == c) return true;
    }
    return false;
  };
  while (left && !text.empty()) {
    const std::size_t n = bytes_of(text, 1);
    if (!goes(text.substr(0, n))) break;
    text.remove_prefix(n);
  }
  while (right && !text.empty()) {
    const std::size_t n = last_bytes(text);
    if (!goes(text.substr(text.size() - n))) break;
    text.remove_suffix(n);
  }
  return text;
}

namespace {

/// Bytes of the word at the front.
std::size_t word_bytes(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    std::size_t next = end;
    if (is_space(decode_utf8(text, next))) break;
    end = next;
  }
  return end;
}

/// Bytes of the word at the end.
std::size_t last_word_bytes(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0) {
    const std::size_t n = last_bytes(text.substr(0, begin));
    if (is_space(code_of(text.substr(begin - n, n)))) break;
    begin -= n;
  }
  return text.size() - begin;
}

void split_words(std::string_view text, std::int64_t limit, bool from_right, const Sink& sink) {
  std::string_view rest = strip(text, std::nullopt, !from_right, from_right);
  for (std::int64_t n = 0; !rest.empty(); ++n) {
    if (n == limit) return sink(rest);
    const std::size_t bytes = from_right ? last_word_bytes(rest) : word_bytes(rest);
    const std::size_t left = rest.size() - bytes;
    sink(from_right ? rest.substr(left) : rest.substr(0, bytes));
    rest = strip(from_right ? rest.substr(0, left) : rest.substr(bytes), std::nullopt, !from_right,
                 from_right);
  }
}

}  // namespace

void split(std::string_view text, std::optional<std::string_view> separator, std::int64_t limit,
           const Sink& sink) {
  if (!separator) return split_words(text, limit, false, sink);
  std::size_t at = 0;
  for (std::int64_t n = 0; n != limit; ++n) {
    const std::size_t hit = find_text(text, *separator, at);
    if (hit == text.npos) break;
    sink(text.substr(at, hit - at));
    at = hit + separator->size();
  }
  sink(text.substr(at));
}

void split_from_right(std::string_view text, std::optional<std::string_view> separator,
                      std::int64_t limit, const Sink& sink) {
  if (!separator) return split_words(text, limit, true, sink);
  for (std::int64_t n = 0; n != limit; ++n) {
    const std::size_t hit = find_last(text, *separator);
    if (hit == text.npos) break;
    sink(text.substr(hit + separator->size()));
    text = text.substr(0, hit);
  }
  sink(text);
}

namespace {

bool ends_line(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::string filled(std::size_t before, std::string_view text, std::size_t behind,
                   std::string_view fill) {
  std::string out;
  for (std::size_t i = 0; i < before; ++i) out += fill;
  out += text;
  for (std::size_t i = 0; i < behind; ++i) out += fill;
  return out;
}

std::size_t missing_width(std::string_view text, std::size_t width) {
  const std::size_t size = n_characters(text);
  return size < width ? width - size : 0;
}

}  // namespace

void split_lines(std::string_view text, bool keep_ends, const Sink& sink) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at;
    const char32_t c = decode_utf8(text, at);
    if (!ends_line(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    sink(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) sink(text.substr(begin));
}

std::size_t field_width(std::int64_t width) {
  constexpr std::int64_t kMax = 1 << 20;
  if (width > kMax) throw failure("a field's width is too large");
  return static_cast<std::size_t>(std::max<std::int64_t>(width, 0));
}

std::string centered(std::string_view text, std::size_t width, std::string_view fill) {
  const std::size_t free = missing_width(text, width);
  const std::size_t left = free / 2 + (free & width & 1U);
  return filled(left, text, free - left, fill);
}
std::string left_justified(std::string_view text, std::size_t width, std::string_view fill) {
  return filled(0, text, missing_width(text, width), fill);
}
std::string right_justified(std::string_view text, std::size_t width, std::string_view fill) {
  return filled(missing_width(text, width), text, 0, fill);
}

namespace {

bool is_lower_letter(char32_t c) {
  return (category(c) & kCategoryLetter) != 0 &&
         (to_upper(c) != c || (special_case(c) != nullptr && to_lower(c) == c));
}
bool is_upper_letter(char32_t c) {
  return (category(c) & kCategoryLetter) != 0 && to_lower(c) != c;
}

bool all_of_case(std::string_view text, bool (*one)(char32_t), bool (*other)(char32_t)) {
  bool some = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    if (other(c)) return false;
    some = some || one(c);
  }
  return some;
}

}  // namespace

bool is_lower(std::string_view text) { return all_of_case(text, is_lower_letter, is_upper_letter); }
bool is_upper(std::string_view text) { return all_of_case(text, is_upper_letter, is_lower_letter); }

std::string swapped_case(std::string_view text) {
  return mapped(text, [](char32_t c, bool) {
    return to_upper(c) != c || special_case(c) != nullptr ? Case::upper : Case::lower;
  });
}

std::string with_spaces_for_tabs(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    decode_utf8(text, at);
    const std::string_view c = text.substr(begin, at - begin);
    if (c == "\t") {
      const std::size_t n = width == 0 ? 0 : width - column % width;
      out.append(n, ' ');
      column += n;
    } else {
      out += c;
      column = c == "\n" || c == "\r" ? 0 : column + 1;
    }
  }
  return out;
}

std::string upper(std::string_view text) {
  return mapped(text, [](char32_t, bool) { return Case::upper; });
}
std::string lower(std::string_view text) {
  return mapped(text, [](char32_t, bool) { return Case::lower; });
}
std::string case_folded(std::string_view text) {
  const std::string whole = mapped(
      text, [](char32_t c, bool) { return special_case(c) != nullptr ? Case::upper : Case::same; });
  return mapped(whole, [](char32_t, bool) { return Case::folded; });
}
std::string capitalized(std::string_view text) {
  return mapped(text, [](char32_t, bool first) { return first ? Case::title : Case::lower; });
}
std::string titled(std::string_view text) {
  bool inside = false;
  return mapped(text, [&inside](char32_t c, bool) {
    const Case to = inside ? Case::lower : Case::title;
    inside = (category(c) & kCategoryLetter) != 0;
    return to;
  });
}

std::string titled_words(std::string_view text) {
  // jinja2 takes str.upper of a word's first character here, not its title case, and str.lower of
  // the rest alone: a sigma in second place does not end a word.
  std::size_t place = 0;
  return mapped(text, [&place](char32_t c, bool) {
    const bool second = place == 1 && c == kCapitalSigma;
    const Case to = place == 0 ? Case::upper : second ? Case::folded : Case::lower;
    const bool inside =
        !is_space(c) && std::u32string_view(U"-({[<").find(c) == std::u32string_view::npos;
    place = inside ? place + 1 : 0;
    return to;
  });
}

void replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t limit,
             const Sink& sink) {
  std::int64_t n = 0;
  if (from.empty()) {  // Python puts `to` between all characters
    for (std::size_t at = 0; at < text.size() && n != limit; ++n) {
      const std::size_t begin = at;
      decode_utf8(text, at);
      sink(to);
      sink(text.substr(begin, at - begin));
    }
    const std::size_t done = bytes_of(text, static_cast<std::size_t>(n));
    if (done == text.size() && n != limit) sink(to);
    return sink(text.substr(done));
  }
  std::size_t at = 0;
  for (; n != limit; ++n) {
    const std::size_t hit = find_text(text, from, at);
    if (hit == text.npos) break;
    sink(text.substr(at, hit - at));
    sink(to);
    at = hit + from.size();
  }
  sink(text.substr(at));
}

}  // namespace text::jinja
