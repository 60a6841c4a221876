// What may stand behind `|`: filters of one value. Filters of sequences: sequence_filters.cpp.
#include "text/template/filters.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "text/template/arguments.h"
#include "text/template/json.h"
#include "text/template/percent_format.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;

Value text_of(Render& render, std::string text) {
  render.string(text.size());
  return text;
}

void refuse_undefined(In v) {
  if (v.is_undefined()) throw failure(fmt::format("'{}' is undefined", v.undefined_name()));
}

Value to_json_filter(Render& render, In v, Args a) {
  const Bound b("tojson", {"indent", "ensure_ascii", "separators", "sort_keys"}, a);
  JsonStyle style;
  if (b.find(0) != nullptr && !b.find(0)->is_none()) {
    style.indent = std::min<std::int64_t>(b.whole(0, 0), 100);
    style.item_separator = ",";
  }
  style.ascii_only = b.flag(1, false);
  style.sort_keys = b.flag(3, false);
  if (const Value* separators = b.find(2); separators != nullptr && !separators->is_none()) {
    const std::vector<Value> two = iterate(*separators);
    if (two.size() != 2) throw failure("tojson: separators are two strings");
    style.item_separator = to_text(two[0]);
    style.key_separator = to_text(two[1]);
  }
  return to_json(render, v, style);
}

Value from_json_filter(Render&, In v, Args) {
  if (v.string() == nullptr) throw failure("from_json needs a string");
  const auto json = nlohmann::ordered_json::parse(*v.string(), nullptr, false);
  if (json.is_discarded()) throw failure("from_json: the string is not JSON");
  return from_json(json);
}

Value default_filter(Render&, In v, Args a) {
  const Bound b("default", {"default_value", "boolean"}, a);
  const bool replaces = v.is_undefined() || (b.flag(1, false) && !truth(v));
  if (!replaces) return v;
  return b.find(0) == nullptr ? Value("") : *b.find(0);
}

Value indent_filter(Render& render, In v, Args a) {
  const Bound b("indent", {"width", "first", "blank"}, a);
  std::string step(4, ' ');
  if (const Value* width = b.find(0)) {
    step =
        width->string() != nullptr
            ? *width->string()
            : std::string(
                  static_cast<std::size_t>(std::clamp<std::int64_t>(b.whole(0, 4), 0, 1000)), ' ');
  }
  const std::string text = to_text(v);
  std::string out;
  bool first = true;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const bool wanted = first ? b.flag(1, false) : end > at || b.flag(2, false);
    if (!first) out += '\n';
    if (wanted) out += step;
    out.append(text, at, end - at);
    render.string(out.size() > render.limits().bytes ? out.size() : end - at);
    first = false;
    at = end + 1;
  }
  return out;
}

Value int_filter(Render&, In v, Args a) {
  const Bound b("int", {"default", "base"}, a);
  Value otherwise = b.find(0) == nullptr ? Value(std::int64_t{0}) : *b.find(0);
  refuse_undefined(v);
  if (v.is_whole()) return v.whole();
  if (v.real() != nullptr) {
    const double d = std::trunc(*v.real());
    return std::fabs(d) < 9.2e18 ? Value(static_cast<std::int64_t>(d)) : otherwise;
  }
  if (v.string() == nullptr) return otherwise;
  const std::string text(strip(*v.string(), std::nullopt, true, true));
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  std::int64_t whole = 0;
  const int base = static_cast<int>(std::clamp<std::int64_t>(b.whole(1, 10), 2, 36));
  if (const auto [stop, code] = std::from_chars(begin, end, whole, base);
      code == std::errc() && stop == end) {
    return whole;
  }
  double real = 0;
  if (const auto [stop, code] = std::from_chars(begin, end, real);
      code == std::errc() && stop == end && std::fabs(real) < 9.2e18) {
    return static_cast<std::int64_t>(real);
  }
  return otherwise;
}

Value float_filter(Render&, In v, Args a) {
  const Bound b("float", {"default"}, a);
  refuse_undefined(v);
  if (v.is_number()) return v.number();
  if (v.string() != nullptr) {
    const std::string_view text = strip(*v.string(), std::nullopt, true, true);
    double real = 0;
    const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), real);
    if (code == std::errc() && stop == text.data() + text.size()) return real;
  }
  return b.find(0) == nullptr ? Value(0.0) : *b.find(0);
}

Value round_filter(Render&, In v, Args a) {
  const Bound b("round", {"precision", "method"}, a);
  if (!v.is_number()) throw failure(fmt::format("round needs a number, not '{}'", v.type_name()));
  const double scale =
      std::pow(10.0, static_cast<double>(std::clamp<std::int64_t>(b.whole(0, 0), -300, 300)));
  const std::string method = b.optional_text(1).value_or("common");
  const double scaled = v.number() * scale;
  if (method == "ceil") return std::ceil(scaled) / scale;
  if (method == "floor") return std::floor(scaled) / scale;
  if (method != "common") throw failure("round: method is common, ceil or floor");
  const double rounded = std::nearbyint(scaled) / scale;
  // Whole numbers stay whole.
  return v.is_whole() && std::fabs(rounded) < 9e15 ? Value(static_cast<std::int64_t>(rounded))
                                                   : Value(rounded);
}

Value abs_filter(Render&, In v, Args) {
  refuse_undefined(v);
  if (v.is_whole())
    return v.whole() == INT64_MIN ? throw failure("a whole number does not fit 64 bits")
                                  : std::abs(v.whole());
  if (v.real() != nullptr) return std::fabs(*v.real());
  throw failure(fmt::format("bad operand type for abs(): '{}'", v.type_name()));
}

Value replace_filter(Render& render, In v, Args a) {
  const Bound b("replace", {"old", "new", "count"}, a);
  const std::string text = to_text(v);
  const std::string to = to_text(b.required(1));
  render.string((text.size() + 1) * (to.size() + 1) > render.limits().bytes * 64
                    ? render.limits().bytes + 1
                    : text.size());
  return text_of(render, replaced(text, to_text(b.required(0)), to, b.whole(2, -1)));
}

Value trim_filter(Render& render, In v, Args a) {
  const auto set = Bound("trim", {"chars"}, a).optional_text(0);
  const std::string text = to_text(v);
  const std::optional<std::string_view> view =
      set ? std::optional<std::string_view>(*set) : std::nullopt;
  return text_of(render, std::string(strip(text, view, true, true)));
}

Value escape_filter(Render& render, In v, Args) {
  std::string out;
  for (const char c : to_text(v)) {
    const std::string_view plain(&c, 1);
    out += c == '&'    ? "&amp;"
           : c == '<'  ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '"'  ? "&#34;"
           : c == '\'' ? "&#39;"
                       : plain;
  }
  return text_of(render, std::move(out));
}

Value as_text(Render& render, In v, Args) { return text_of(render, to_text(v)); }

constexpr FilterRow kFilters[] = {
    {"tojson", to_json_filter},
    {"from_json", from_json_filter},
    {"fromjson", from_json_filter},
    {"default", default_filter},
    {"d", default_filter},
    {"string", as_text},
    {"safe", as_text},
    {"trim", trim_filter},
    {"replace", replace_filter},
    {"indent", indent_filter},
    {"int", int_filter},
    {"float", float_filter},
    {"round", round_filter},
    {"abs", abs_filter},
    {"escape", escape_filter},
    {"e", escape_filter},
    {"lower", [](Render& r, In v, Args) { return text_of(r, lower(to_text(v))); }},
    {"upper", [](Render& r, In v, Args) { return text_of(r, upper(to_text(v))); }},
    {"title", [](Render& r, In v, Args) { return text_of(r, titled_words(to_text(v))); }},
    {"capitalize", [](Render& r, In v, Args) { return text_of(r, capitalized(to_text(v))); }},
    {"wordcount",
     [](Render& r, In v, Args) -> Value {
       const std::string text = to_text(v);
       r.string(text.size());
       return static_cast<std::int64_t>(split(text, std::nullopt, -1).size());
     }},
    {"format",
     [](Render& r, In v, Args a) { return text_of(r, percent_format(to_text(v), a.positional)); }},
    {"attr",
     [](Render&, In v, Args a) {
       const std::string name = Bound("attr", {"name"}, a).text(0);
       // Not the keys of a mapping.
       const bool key = v.dict() != nullptr && !find_method(v, name);
       return key ? Value::undefined("dict object has no " + name) : attribute_of(v, name);
     }},
};

}  // namespace

Filter find_filter(std::string_view name) noexcept {
  for (const FilterRow& row : kFilters) {
    if (row.name == name) return row.filter;
  }
  for (const FilterRow& row : sequence_filters()) {
    if (row.name == name) return row.filter;
  }
  return nullptr;
}

Value apply_filter(Render& render, std::string_view name, const Value& input,
                   const Arguments& arguments) {
  const Filter filter = find_filter(name);
  if (filter == nullptr) throw failure(fmt::format("No filter named '{}'", name));
  return filter(render, input, arguments);
}

}  // namespace text::jinja
