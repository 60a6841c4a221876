// Filters that lay text out or escape it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/template/arguments.h"
#include "text/template/filters.h"
#include "text/template/format_spec.h"
#include "text/template/items.h"
#include "text/template/methods.h"
#include "text/template/strings.h"
#include "text/template/word_wrap.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

/// What wrapping takes for each byte of a line: views, pieces, and lines of one character.
constexpr std::size_t kWrapBytes = 96;

using In = const Value&;
using Args = const Arguments&;

Value indent_filter(Render& render, In v, Args a) {
  const Bound b("indent", {"width", "first", "blank"}, a);
  std::string step(4, ' ');
  if (const Value* width = b.find(0)) {
    const auto spaces = static_cast<std::size_t>(std::clamp<std::int64_t>(
        width->string() == nullptr ? b.whole(0, 4) : 0, 0, std::int64_t{kMaxFormatWidth}));
    step = width->string() != nullptr ? *width->string() : std::string(spaces, ' ');
  }
  const bool indents_first = b.flag(1, false);
  const bool indents_blank = b.flag(2, false);
  render.string(0);
  std::string out;
  bool first = true;
  split_lines(to_text(render, v) + "\n", false, [&](std::string_view line) {
    const bool wanted = first ? indents_first : !line.empty() || indents_blank;
    if (!first) render.append(out, "\n");
    if (wanted) render.append(out, step);
    render.append(out, line);
    first = false;
  });
  return out;
}

Value center_filter(Render& render, In v, Args a) {
  const std::int64_t width = Bound("center", {"width"}, a).whole(0, 80);
  return text_of(render, centered(to_text(render, v), field_width(width), " "));
}

Value wordwrap_filter(Render& render, In v, Args a) {
  const Bound b("wordwrap", {"width", "break_long_words", "wrapstring", "break_on_hyphens"}, a);
  const std::int64_t width = b.whole(0, 79);
  if (width < 1) throw failure(fmt::format("invalid width {} (must be > 0)", width));
  const WrapStyle style{.width = static_cast<std::size_t>(width),
                        .break_long_words = b.flag(1, true),
                        .break_on_hyphens = b.flag(3, true)};
  const std::string between = b.optional_text(2).value_or("\n");
  const std::string text = to_text(render, v);
  render.string(0);
  std::string out;
  bool first = true;
  split_lines(text, false, [&](std::string_view line) {
    if (!std::exchange(first, false)) render.append(out, between);
    render.step(line.size());
    const Render::Held held(render, line.size() * kWrapBytes);
    bool first_part = true;
    for (const std::string& part : wrapped(line, style)) {
      if (!std::exchange(first_part, false)) render.append(out, between);
      render.append(out, part);
    }
  });
  return out;
}

Value truncate_filter(Render& render, In v, Args a) {
  constexpr std::int64_t kLength = 255;
  constexpr std::int64_t kLeeway = 5;
  const Bound b("truncate", {"length", "killwords", "end", "leeway"}, a);
  const std::string text = to_text(render, v);
  const std::string end = b.optional_text(2).value_or("...");
  const std::int64_t length = b.whole(0, kLength);
  const std::int64_t leeway = b.whole(3, kLeeway);
  render.look(text.size());
  const auto end_size = static_cast<std::int64_t>(n_characters(end));
  if (length < end_size)
    throw failure(fmt::format("expected length >= {}, got {}", end_size, length));
  if (leeway < 0) throw failure(fmt::format("expected leeway >= 0, got {}", leeway));
  const auto size = static_cast<std::int64_t>(n_characters(text));
  if (size <= length || size - length <= leeway) return text_of(render, text);
  const auto kept = static_cast<std::size_t>(length - end_size);
  std::string_view front = std::string_view(text).substr(0, bytes_of(text, kept));
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
Value escape_filter(Render& render, In v, Args) {
  return text_of(render, escaped(to_text(render, v)));
}

Value xmlattr_filter(Render& render, In v, Args a) {
  const Bound b("xmlattr", {"autospace"}, a);
  if (v.dict() == nullptr) {
    throw failure(fmt::format("xmlattr needs a mapping, not '{}'", v.type_name()));
  }
  std::string out;
  for (const auto& [key, value] : v.dict()->entries) {
    if (value.is_none() || value.is_undefined()) continue;
    const std::string name = to_text(render, key);
    if (name.find_first_of(" \t\n\f\r/>=") != std::string::npos) {
      throw failure("Invalid character in attribute name: " + to_repr(render, key));
    }
    if (!out.empty()) out += ' ';
    const std::string text = to_text(render, value);
    render.look(name.size() + text.size());
    render.append(out, escaped(name) + "=\"" + escaped(text) + '"');
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
  if (v.dict() == nullptr && v.list() == nullptr) {
    const std::string text = to_text(render, v);
    render.step(text.size());
    return text_of(render, url_quoted(text, "/"));
  }
  const Value pairs = v.dict() == nullptr ? v : Value::list(pairs_of(render, *v.dict()));
  const auto quoted = [&](In part) {
    const std::string text = to_text(render, part);
    render.step(text.size());
    std::string out = url_quoted(text, " ");
    std::replace(out.begin(), out.end(), ' ', '+');
    return out;
  };
  std::string out;
  for (In pair : pairs.list()->items) {
    const Items two(render, pair);
    if (two.size() != 2) throw failure("urlencode needs pairs");
    if (!out.empty()) out += '&';
    render.append(out, quoted(two[0]) + '=' + quoted(two[1]));
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
  const std::string text = to_text(render, v);
  render.look(text.size());
  std::int64_t n = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    decode_utf8(text, at);
    const bool word = is_word_character(std::string_view(text).substr(begin, at - begin));
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
