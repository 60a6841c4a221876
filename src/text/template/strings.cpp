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

enum class Case : std::uint8_t { upper, lower, title, same };

char32_t simple_case(char32_t c, Case to) {
  return to == Case::same ? c : to == Case::lower ? to_lower(c) : to_upper(c);
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

std::string_view strip(std::string_view text, std::optional<std::string_view> set, bool left,
                       bool right) {
  const std::vector<std::string_view> all = characters(text);
  const std::vector<std::string_view> chosen = characters(set.value_or(""));
  const auto goes = [&](std::string_view c) {
    return set ? std::find(chosen.begin(), chosen.end(), c) != chosen.end() : is_space(code_of(c));
  };
  std::size_t begin = 0;
  std::size_t end = all.size();
  while (left && begin < end && goes(all[begin])) ++begin;
  while (right && begin < end && goes(all[end - 1])) --end;
  if (begin == end) return {};
  const char* last = all[end - 1].data() + all[end - 1].size();
  return {all[begin].data(), static_cast<std::size_t>(last - all[begin].data())};
}

std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator,
                               std::int64_t limit) {
  std::vector<std::string> out;
  const auto more = [&] { return limit < 0 || static_cast<std::int64_t>(out.size()) < limit; };
  if (separator) {
    std::size_t at = 0;
    for (std::size_t hit = 0; more() && (hit = text.find(*separator, at)) != text.npos;) {
      out.emplace_back(text.substr(at, hit - at));
      at = hit + separator->size();
    }
    out.emplace_back(text.substr(at));
    return out;
  }
  std::string_view rest = strip(text, std::nullopt, true, false);
  while (!rest.empty()) {
    if (!more()) {
      out.emplace_back(rest);
      break;
    }
    std::size_t end = 0;
    while (end < rest.size()) {
      std::size_t next = end;
      if (is_space(decode_utf8(rest, next))) break;
      end = next;
    }
    out.emplace_back(rest.substr(0, end));
    rest = rest.substr(end);
    while (!rest.empty()) {
      std::size_t next = 0;
      if (!is_space(decode_utf8(rest, next))) break;
      rest = rest.substr(next);
    }
  }
  return out;
}

namespace {

std::vector<std::string> words_from_right(std::string_view text, std::int64_t limit) {
  std::vector<std::string> out;
  std::string_view rest = strip(text, std::nullopt, false, true);
  std::vector<std::string_view> all = characters(rest);
  while (!all.empty()) {
    if (limit >= 0 && static_cast<std::int64_t>(out.size()) >= limit) {
      out.emplace_back(rest);
      break;
    }
    const char* end = all.back().data() + all.back().size();
    const char* begin = end;
    while (!all.empty() && !is_space(code_of(all.back()))) {
      begin = all.back().data();
      all.pop_back();
    }
    out.emplace_back(begin, end);
    while (!all.empty() && is_space(code_of(all.back()))) all.pop_back();
    rest = all.empty() ? std::string_view()
                       : rest.substr(0, static_cast<std::size_t>(all.back().data() - rest.data()) +
                                            all.back().size());
  }
  std::reverse(out.begin(), out.end());
  return out;
}

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
  const std::size_t size = characters(text).size();
  return size < width ? width - size : 0;
}

}  // namespace

std::vector<std::string> split_from_right(std::string_view text,
                                          std::optional<std::string_view> separator,
                                          std::int64_t limit) {
  if (!separator) return words_from_right(text, limit);
  std::vector<std::string> out;
  while (limit < 0 || static_cast<std::int64_t>(out.size()) < limit) {
    const std::size_t hit = text.rfind(*separator);
    if (hit == text.npos) break;
    out.emplace_back(text.substr(hit + separator->size()));
    text = text.substr(0, hit);
  }
  out.emplace_back(text);
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at;
    const char32_t c = decode_utf8(text, at);
    if (!ends_line(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    out.emplace_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) out.emplace_back(text.substr(begin));
  return out;
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

std::string swapped_case(std::string_view text) {
  return mapped(text, [](char32_t c, bool) {
    return to_upper(c) != c || special_case(c) != nullptr ? Case::upper : Case::lower;
  });
}

std::string with_spaces_for_tabs(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t column = 0;
  for (const std::string_view c : characters(text)) {
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
  return lower(mapped(text, [](char32_t c, bool) {
    return special_case(c) != nullptr ? Case::upper : Case::same;
  }));
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
  // jinja2 takes str.upper of a word's first character here, not its title case.
  bool inside = false;
  return mapped(text, [&inside](char32_t c, bool) {
    const Case to = inside ? Case::lower : Case::upper;
    inside = !is_space(c) && std::u32string_view(U"-({[<").find(c) == std::u32string_view::npos;
    return to;
  });
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to,
                     std::int64_t limit) {
  std::string out;
  if (from.empty()) {  // Python puts `to` between all characters
    const std::vector<std::string_view> all = characters(text);
    for (std::size_t i = 0; i <= all.size(); ++i) {
      if (limit < 0 || static_cast<std::int64_t>(i) < limit) out += to;
      if (i < all.size()) out += all[i];
    }
    return out;
  }
  std::size_t at = 0;
  for (std::int64_t n = 0; limit < 0 || n < limit; ++n) {
    const std::size_t hit = text.find(from, at);
    if (hit == text.npos) break;
    out += text.substr(at, hit - at);
    out += to;
    at = hit + from.size();
  }
  out += text.substr(at);
  return out;
}

}  // namespace text::jinja
