// Filters that lay text out or escape it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/template/arguments.h"
#include "text/template/filters.h"
#include "text/template/format_spec.h"
#include "text/template/strings.h"
#include "text/template/word_wrap.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;

/// Adds to a text and counts what it becomes.
void put(Render& render, std::string& out, std::string_view more) {
  render.string(out.size() + more.size() > render.limits().bytes ? render.limits().bytes + 1
                                                                 : more.size());
  out += more;
}

Value indent_filter(Render& render, In v, Args a) {
  const Bound b("indent", {"width", "first", "blank"}, a);
  std::string step(4, ' ');
  if (const Value* width = b.find(0)) {
    const auto spaces = static_cast<std::size_t>(std::clamp<std::int64_t>(
        width->string() == nullptr ? b.whole(0, 4) : 0, 0, std::int64_t{kMaxFormatWidth}));
    step = width->string() != nullptr ? *width->string() : std::string(spaces, ' ');
  }
  std::string out;
  bool first = true;
  for (const std::string& line : split_lines(to_text(v) + "\n", false)) {
    const bool wanted = first ? b.flag(1, false) : !line.empty() || b.flag(2, false);
    if (!first) put(render, out, "\n");
    if (wanted) put(render, out, step);
    put(render, out, line);
    first = false;
  }
  return out;
}

Value center_filter(Render& render, In v, Args a) {
  const std::int64_t width = Bound("center", {"width"}, a).whole(0, 80);
  return text_of(render, centered(to_text(v), field_width(width), " "));
}

Value wordwrap_filter(Render& render, In v, Args a) {
  const Bound b("wordwrap", {"width", "break_long_words", "wrapstring", "break_on_hyphens"}, a);
  const std::int64_t width = b.whole(0, 79);
  if (width < 1) throw failure(fmt::format("invalid width {} (must be > 0)", width));
  const WrapStyle style{.width = static_cast<std::size_t>(width),
                        .break_long_words = b.flag(1, true),
                        .break_on_hyphens = b.flag(3, true)};
  const std::string between = b.optional_text(2).value_or("\n");
  const std::string text = to_text(v);
  render.items(text.size() / 8);
  std::string out;
  bool first = true;
  for (const std::string& line : split_lines(text, false)) {
    if (!std::exchange(first, false)) put(render, out, between);
    bool first_part = true;
    for (const std::string& part : wrapped(line, style)) {
      if (!std::exchange(first_part, false)) put(render, out, between);
      put(render, out, part);
    }
  }
  return out;
}

Value truncate_filter(Render& render, In v, Args a) {
  constexpr std::int64_t kLength = 255;
  constexpr std::int64_t kLeeway = 5;
  const Bound b("truncate", {"length", "killwords", "end", "leeway"}, a);
  const std::string text = to_text(v);
  const std::string end = b.optional_text(2).value_or("...");
  const std::int64_t length = b.whole(0, kLength);
  const std::int64_t leeway = b.whole(3, kLeeway);
  const auto all = characters(text);
  const auto end_size = static_cast<std::int64_t>(characters(end).size());
  if (length < end_size)
    throw failure(fmt::format("expected length >= {}, got {}", end_size, length));
  if (leeway < 0) throw failure(fmt::format("expected leeway >= 0, got {}", leeway));
  const auto size = static_cast<std::int64_t>(all.size());
  if (size <= length || size - length <= leeway) return text_of(render, text);
  const auto kept = static_cast<std::size_t>(length - end_size);
  std::string_view front(text.data(), static_cast<std::size_t>(all[kept].data() - text.data()));
  if (!b.flag(1, false)) front = front.substr(0, front.rfind(' '));
  return text_of(render, std::string(front) + end);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const std::string_view plain(&c, 1);
    out += c == '&'    ? "&amp;"
           : c == '<'  ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '"'  ? "&#34;"
           : c == '\'' ? "&#39;"
                       : plain;
  }
  return out;
}
Value escape_filter(Render& render, In v, Args) { return text_of(render, escaped(to_text(v))); }

Value xmlattr_filter(Render& render, In v, Args a) {
  const Bound b("xmlattr", {"autospace"}, a);
  if (v.dict() == nullptr) {
    throw failure(fmt::format("xmlattr needs a mapping, not '{}'", v.type_name()));
  }
  std::string out;
  for (const auto& [key, value] : v.dict()->entries) {
    if (value.is_none() || value.is_undefined()) continue;
    const std::string name = to_text(key);
    if (name.find_first_of(" \t\n\f\r/>=") != std::string::npos) {
      throw failure("Invalid character in attribute name: " + to_repr(key));
    }
    if (!out.empty()) out += ' ';
    put(render, out, escaped(name) + "=\"" + escaped(to_text(value)) + '"');
  }
  return out.empty() || !b.flag(0, true) ? out : ' ' + out;
}

/// Percent signs for all bytes but letters, digits, _.-~ and those of `safe`.
std::string url_quoted(std::string_view text, std::string_view safe) {
  std::string out;
  for (const char c : text) {
    const bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    if (alnum || std::string_view("_.-~").find(c) != std::string_view::npos ||
        safe.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Value urlencode_filter(Render& render, In v, Args) {
  std::vector<Value> pairs;
  if (const Dict* dict = v.dict()) {
    for (const auto& [key, value] : dict->entries) pairs.push_back(Value::tuple({key, value}));
  } else if (v.list() != nullptr) {
    pairs = v.list()->items;
  } else {
    return text_of(render, url_quoted(to_text(v), "/"));
  }
  std::string out;
  for (In pair : pairs) {
    const std::vector<Value> two = iterate(pair);
    if (two.size() != 2) throw failure("urlencode needs pairs");
    const auto quoted = [](In part) {
      return replaced(url_quoted(to_text(part), " "), " ", "+", -1);
    };
    if (!out.empty()) out += '&';
    put(render, out, quoted(two[0]) + '=' + quoted(two[1]));
  }
  return out;
}

Value filesizeformat_filter(Render& render, In v, Args a) {
  const bool binary = Bound("filesizeformat", {"binary"}, a).flag(0, false);
  const Value bytes = v.is_number() ? v : apply_filter(render, "float", v, {});
  const double size = bytes.number();
  const double base = binary ? 1024 : 1000;
  if (size == 1) return "1 Byte";
  if (std::isinf(size) && size < 0) throw failure("cannot convert float infinity to integer");
  // + 0.0: a small negative size is 0, not -0.
  if (size < base) return fmt::format("{:.0f} Bytes", std::trunc(size) + 0.0);
  double unit = base;
  std::string_view letters = "kMGTPEZY";
  while (letters.size() > 1 && !(size < unit * base)) {
    unit *= base;
    letters.remove_prefix(1);
  }
  const std::string letter = binary && letters[0] == 'k' ? "K" : std::string(1, letters[0]);
  return fmt::format("{:.1f} {}{}", size / unit, letter, binary ? "iB" : "B");
}

Value wordcount_filter(Render& render, In v, Args) {
  const std::string text = to_text(v);
  render.string(text.size());
  std::int64_t n = 0;
  bool inside = false;
  for (const std::string_view c : characters(text)) {
    const bool word = is_word_character(c);
    if (word && !inside) ++n;
    inside = word;
  }
  return n;
}

constexpr FilterRow kFilters[] = {
    {"indent", indent_filter},       {"center", center_filter},
    {"wordwrap", wordwrap_filter},   {"truncate", truncate_filter},
    {"escape", escape_filter},       {"e", escape_filter},
    {"forceescape", escape_filter},  {"xmlattr", xmlattr_filter},
    {"urlencode", urlencode_filter}, {"filesizeformat", filesizeformat_filter},
    {"wordcount", wordcount_filter},
};

}  // namespace

std::span<const FilterRow> text_filters() noexcept { return kFilters; }

}  // namespace text::jinja
