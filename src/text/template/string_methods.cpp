// Methods of strings, as Python's str has them.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/arguments.h"
#include "text/template/counted.h"
#include "text/template/items.h"
#include "text/template/methods.h"
#include "text/template/node.h"
#include "text/template/percent_format.h"
#include "text/template/strings.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;

Value strip_ends(Render& render, In self, Args a, bool left, bool right) {
  return stripped(render, *self.string(), Bound("strip", {"chars"}, a).optional_text(0), left,
                  right);
}

/// The part of a text between two optional places in characters, as s.find(x, start, end) takes it.
struct Part {
  std::string_view text;
  std::size_t begin = 0;  ///< in bytes
  bool outside = false;   ///< it starts behind the end: nothing is found, not even nothing
};

/// Arguments `first` and first + 1 are the places.
Part part_of(std::string_view text, const Bound& b, std::size_t first) {
  const auto given = [&](std::size_t i) { return b.find(i) != nullptr && !b.find(i)->is_none(); };
  if (!given(first) && !given(first + 1)) return {.text = text};
  const auto n = static_cast<std::int64_t>(n_characters(text));
  const auto place = [&](std::int64_t at) {
    return std::max<std::int64_t>(at < 0 ? at + n : at, 0);
  };
  const std::int64_t begin = place(b.whole(first, 0));
  const std::int64_t end = std::min(place(b.whole(first + 1, n)), n);
  if (begin > n || begin > end) return {.text = {}, .outside = true};
  const auto bytes = [&](std::int64_t at) { return bytes_of(text, static_cast<std::size_t>(at)); };
  return {.text = text.substr(bytes(begin), bytes(end) - bytes(begin)), .begin = bytes(begin)};
}

/// startswith and endswith take one string or a tuple of them.
template <class Holds>
Value any_of_texts(std::string_view name, In self, Args a, Holds holds) {
  const Bound b(name, {"prefix", "start", "end"}, a);
  const Value& given = b.required(0);
  const Part part = part_of(*self.string(), b, 1);
  if (given.list() == nullptr || !given.list()->tuple) {
    if (given.string() == nullptr) {
      throw failure(fmt::format("{} first arg must be str or a tuple of str, not {}", name,
                                given.type_name()));
    }
    return !part.outside && holds(part.text, std::string_view(*given.string()));
  }
  const std::vector<Value>& all = given.list()->items;
  return !part.outside && std::any_of(all.begin(), all.end(), [&](In v) {
    return v.string() != nullptr && holds(part.text, std::string_view(*v.string()));
  });
}

/// find, rfind, index, rindex: a place in characters, or -1.
std::int64_t found(std::string_view name, In self, Args a, bool from_right) {
  const Bound b(name, {"sub", "start", "end"}, a);
  const std::string& text = *self.string();
  const std::string sub = b.text(0);
  const Part part = part_of(text, b, 1);
  if (part.outside) return -1;
  const std::size_t at = from_right ? find_last(part.text, sub) : find_text(part.text, sub);
  if (at == std::string_view::npos) return -1;
  return static_cast<std::int64_t>(n_characters(std::string_view(text).substr(0, part.begin + at)));
}

Value index_of(std::string_view name, In self, Args a, bool from_right) {
  const std::int64_t at = found(name, self, a, from_right);
  return at < 0 ? throw failure("substring not found") : Value(at);
}

Value count_of(Render&, In self, Args a) {
  const Bound b("count", {"sub", "start", "end"}, a);
  const std::string sub = b.text(0);
  const Part part = part_of(*self.string(), b, 1);
  if (part.outside) return std::int64_t{0};
  if (sub.empty()) return static_cast<std::int64_t>(n_characters(part.text)) + 1;
  std::int64_t n = 0;
  for (std::size_t at = 0; (at = find_text(part.text, sub, at)) != std::string_view::npos;) {
    at += sub.size();
    ++n;
  }
  return n;
}

Value split_text(Render& render, In self, Args a, bool from_right) {
  const Bound b(from_right ? "rsplit" : "split", {"sep", "maxsplit"}, a);
  const auto separator = b.optional_text(0);
  if (separator && separator->empty()) throw failure("empty separator");
  const std::int64_t limit = b.whole(1, -1);
  render.object();
  TextList list(render);
  const auto add = [&](std::string_view part) { list.add(part); };
  if (!from_right) {
    split(*self.string(), separator, limit, add);
    return Value::list(list.take());
  }
  split_from_right(*self.string(), separator, limit, add);
  std::vector<Value> parts = list.take();
  std::reverse(parts.begin(), parts.end());
  return Value::list(std::move(parts));
}

Value lines_of(Render& render, In self, Args a) {
  const bool keep_ends = Bound("splitlines", {"keepends"}, a).flag(0, false);
  render.object();
  TextList list(render);
  split_lines(*self.string(), keep_ends, [&](std::string_view line) { list.add(line); });
  return Value::list(list.take());
}

Value partition(Render& render, In self, Args a, bool from_right) {
  const std::string& text = *self.string();
  const std::string separator = Bound("partition", {"sep"}, a).text(0);
  if (separator.empty()) throw failure("empty separator");
  const std::size_t at = from_right ? find_last(text, separator) : find_text(text, separator);
  render.object();
  TextList parts(render);
  if (at == std::string::npos) {
    for (const std::string_view part :
         {from_right ? "" : std::string_view(text), std::string_view(),
          from_right ? std::string_view(text) : ""}) {
      parts.add(part);
    }
    return Value::tuple(parts.take());
  }
  const std::string_view all = text;
  for (const std::string_view part :
       {all.substr(0, at), std::string_view(separator), all.substr(at + separator.size())}) {
    parts.add(part);
  }
  return Value::tuple(parts.take());
}

Value replaced_text(Render& render, In self, Args a) {
  const Bound b("replace", {"old", "new", "count"}, a);
  return replaced(render, *self.string(), b.text(0), b.text(1), b.whole(2, -1));
}

Value without(Render& render, In self, Args a, bool front) {
  const std::string part = Bound("removeprefix", {"prefix"}, a).text(0);
  const std::string& text = *self.string();
  const bool there = front ? text.starts_with(part) : text.ends_with(part);
  const std::size_t cut = there ? part.size() : 0;
  return text_of(render, text.substr(front ? cut : 0, text.size() - cut));
}

using Justify = std::string (*)(std::string_view, std::size_t, std::string_view);
Value justified(Render& render, In self, Args a, Justify justify) {
  const Bound b("center", {"width", "fillchar"}, a);
  b.required(0);
  const std::string fill = b.optional_text(1).value_or(" ");
  if (n_characters(fill) != 1) {
    throw failure("The fill character must be exactly one character long");
  }
  return text_of(render, justify(*self.string(), field_width(b.whole(0, 0)), fill));
}

Value zero_filled(Render& render, In self, Args a) {
  const Bound b("zfill", {"width"}, a);
  b.required(0);
  std::string_view text = *self.string();
  std::string sign;
  if (text.starts_with('+') || text.starts_with('-')) {
    sign = text[0];
    text.remove_prefix(1);
  }
  const std::size_t width = field_width(b.whole(0, 0));
  return text_of(render, sign + right_justified(text, width - std::min(width, sign.size()), "0"));
}

Value joined(Render& render, In self, Args a) {
  render.string(0);
  std::string out;
  bool first = true;
  for (In item : Items(render, Bound("join", {"iterable"}, a).required(0))) {
    if (item.string() == nullptr) {
      throw failure(
          fmt::format("sequence item: expected str instance, {} found", item.type_name()));
    }
    if (!std::exchange(first, false)) render.append(out, *self.string());
    render.append(out, *item.string());
  }
  return out;
}

// What all characters of a text are. Python's finer classes of digits are told by their ranges.
constexpr bool is_superscript(char32_t c) {
  return c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089);
}
bool is_numeric(char32_t c) { return (category(c) & kCategoryNumber) != 0; }
/// Numbers that are neither fractions nor letters nor in circles.
bool is_decimal(char32_t c) {
  const bool other = is_superscript(c) || (c >= 0xBC && c <= 0xBE) ||
                     (c >= 0x2150 && c <= 0x24FF) || (c >= 0x2776 && c <= 0x3289) ||
                     (c >= 0x10100 && c <= 0x1049F);
  return is_numeric(c) && !other;
}
bool is_letter(char32_t c) { return (category(c) & kCategoryLetter) != 0; }
struct CharacterClass {
  std::string_view method;
  bool of_empty;  ///< what it says of the empty text
  bool (*holds)(char32_t c);
};
constexpr CharacterClass kClasses[] = {
    {"isdecimal", false, is_decimal},
    {"isdigit", false, [](char32_t c) { return is_decimal(c) || is_superscript(c); }},
    {"isnumeric", false, is_numeric},
    {"isalpha", false, is_letter},
    {"isalnum", false, [](char32_t c) { return is_letter(c) || is_numeric(c); }},
    {"isspace", false, [](char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }},
    {"isascii", true, [](char32_t c) { return c < 0x80; }},
    {"isprintable", true,
     [](char32_t c) {
       return c == ' ' || (category(c) & (kCategoryOther | kCategorySeparator | 1U)) == 0;
     }},
};

bool all_are(std::string_view text, const CharacterClass& characters) {
  if (text.empty()) return characters.of_empty;
  for (std::size_t at = 0; at < text.size();) {
    if (!characters.holds(decode_utf8(text, at))) return false;
  }
  return true;
}

template <std::size_t Row>
Value is_of_class(Render&, In self, Args) {
  return all_are(*self.string(), kClasses[Row]);
}

Value is_title(Render& render, In self, Args) {
  const std::string& text = *self.string();
  render.step(text.size());  // three texts are made of it
  const bool some = std::any_of(text.begin(), text.end(), [](char) { return true; }) &&
                    (lower(text) != text || upper(text) != text);
  return some && titled(text) == text;
}

Value is_identifier(Render&, In self, Args) {
  const std::string& text = *self.string();
  bool first = true;
  for (std::size_t at = 0; at < text.size(); first = false) {
    const char32_t c = decode_utf8(text, at);
    const bool digit = is_decimal(c) || (category(c) & kCategoryMark) != 0;
    if (!(is_letter(c) || c == '_' || (digit && !first))) return false;
  }
  return !text.empty();
}

template <std::string (*Map)(std::string_view)>
Value mapped(Render& render, In self, Args) {
  return text_of(render, Map(*self.string()));
}

Value without_tabs(Render& render, In self, Args a) {
  const std::size_t width = field_width(Bound("expandtabs", {"tabsize"}, a).whole(0, 8));
  const std::string& text = *self.string();
  const auto tabs = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\t'));
  render.string(text.size() + tabs * width);
  return with_spaces_for_tabs(text, width);
}

constexpr MethodRow kMethods[] = {
    {"strip", [](Render& r, In s, Args a) { return strip_ends(r, s, a, true, true); }},
    {"lstrip", [](Render& r, In s, Args a) { return strip_ends(r, s, a, true, false); }},
    {"rstrip", [](Render& r, In s, Args a) { return strip_ends(r, s, a, false, true); }},
    {"split", [](Render& r, In s, Args a) { return split_text(r, s, a, false); }},
    {"rsplit", [](Render& r, In s, Args a) { return split_text(r, s, a, true); }},
    {"splitlines", lines_of},
    {"partition", [](Render& r, In s, Args a) { return partition(r, s, a, false); }},
    {"rpartition", [](Render& r, In s, Args a) { return partition(r, s, a, true); }},
    {"startswith",
     [](Render&, In s, Args a) {
       return any_of_texts("startswith", s, a,
                           [](auto text, auto p) { return text.starts_with(p); });
     }},
    {"endswith",
     [](Render&, In s, Args a) {
       return any_of_texts("endswith", s, a, [](auto text, auto p) { return text.ends_with(p); });
     }},
    {"removeprefix", [](Render& r, In s, Args a) { return without(r, s, a, true); }},
    {"removesuffix", [](Render& r, In s, Args a) { return without(r, s, a, false); }},
    {"replace", replaced_text},
    {"upper", mapped<upper>},
    {"lower", mapped<lower>},
    {"casefold", mapped<case_folded>},
    {"title", mapped<titled>},
    {"capitalize", mapped<capitalized>},
    {"swapcase", mapped<swapped_case>},
    {"expandtabs", without_tabs},
    {"center", [](Render& r, In s, Args a) { return justified(r, s, a, centered); }},
    {"ljust", [](Render& r, In s, Args a) { return justified(r, s, a, left_justified); }},
    {"rjust", [](Render& r, In s, Args a) { return justified(r, s, a, right_justified); }},
    {"zfill", zero_filled},
    {"find", [](Render&, In s, Args a) -> Value { return found("find", s, a, false); }},
    {"rfind", [](Render&, In s, Args a) -> Value { return found("rfind", s, a, true); }},
    {"index", [](Render&, In s, Args a) { return index_of("index", s, a, false); }},
    {"rindex", [](Render&, In s, Args a) { return index_of("rindex", s, a, true); }},
    {"count", count_of},
    {kClasses[0].method, is_of_class<0>},
    {kClasses[1].method, is_of_class<1>},
    {kClasses[2].method, is_of_class<2>},
    {kClasses[3].method, is_of_class<3>},
    {kClasses[4].method, is_of_class<4>},
    {kClasses[5].method, is_of_class<5>},
    {kClasses[6].method, is_of_class<6>},
    {kClasses[7].method, is_of_class<7>},
    {"islower", [](Render&, In s, Args) -> Value { return is_lower(*s.string()); }},
    {"isupper", [](Render&, In s, Args) -> Value { return is_upper(*s.string()); }},
    {"istitle", is_title},
    {"isidentifier", is_identifier},
    {"join", joined},
    {"format_map",
     [](Render& r, In s, Args a) {
       const Value mapping = Bound("format_map", {"mapping"}, a).required(0);
       if (mapping.dict() == nullptr) throw failure("format_map() needs a mapping");
       r.step(mapping.dict()->entries.size());
       Arguments named;
       for (const auto& [key, value] : mapping.dict()->entries) {
         if (key.string() != nullptr) named.named.emplace_back(*key.string(), value);
       }
       return text_of(r, brace_format(r, *s.string(), named));
     }},
    {"format", [](Render& r, In s, Args a) { return text_of(r, brace_format(r, *s.string(), a)); }},
};

}  // namespace

std::span<const MethodRow> string_methods() noexcept { return kMethods; }

}  // namespace text::jinja
