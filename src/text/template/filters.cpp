// What may stand behind `|`: filters of one value. Others: sequence_filters.cpp, text_filters.cpp.
#include "text/template/filters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "text/template/arguments.h"
#include "text/template/big_whole.h"
#include "text/template/counted.h"
#include "text/template/items.h"
#include "text/template/json.h"
#include "text/template/percent_format.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;

void refuse_undefined(In v) {
  if (v.is_undefined()) throw failure(fmt::format("'{}' is undefined", v.undefined_name()));
}

Value to_json_filter(Render& render, In v, Args a) {
  const Bound b("tojson", {"indent", "ensure_ascii", "separators", "sort_keys"}, a);
  JsonStyle style;
  if (b.find(0) != nullptr && !b.find(0)->is_none()) {
    constexpr std::size_t kMaxIndent = 100;
    style.indent = b.find(0)->string() != nullptr
                       ? b.text(0).substr(0, kMaxIndent)
                       : std::string(std::min(field_width(b.whole(0, 0)), kMaxIndent), ' ');
    style.item_separator = ",";
  }
  style.ascii_only = b.flag(1, false);
  style.sort_keys = b.flag(3, false);
  if (const Value* separators = b.find(2); separators != nullptr && !separators->is_none()) {
    const Items two(render, *separators);
    if (two.size() != 2) throw failure("tojson: separators are two strings");
    style.item_separator = to_text(render, two[0]);
    style.key_separator = to_text(render, two[1]);
  }
  return to_json(render, v, style);
}

Value from_json_filter(Render& render, In v, Args) {
  if (v.string() == nullptr) throw failure("from_json needs a string");
  // At worst every other character is a value, which takes memory in both forms.
  constexpr std::size_t kBytes = 64;
  render.step(v.string()->size());
  render.made(std::min(v.string()->size(), render.limits().memory) * kBytes);
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

/// Digits with single underscores between them, without these.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < text.size() && text[at] != '_' && text[at] != '+' && text[at] != '-';
    };
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || !digit(i - 1) || !digit(i + 1)) {
      return std::nullopt;
    }
  }
  return out;
}

/// Python's int(text, base); base 0 goes by the prefix.
std::optional<Value> whole_of_text(std::string_view text, std::int64_t base) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  struct Prefix {
    char letter;
    std::int64_t base;
  };
  for (const Prefix& p : {Prefix{'x', 16}, Prefix{'o', 8}, Prefix{'b', 2}}) {
    const bool there = text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == p.letter;
    if (!there || (base != p.base && base != 0)) continue;
    text.remove_prefix(text[2] == '_' ? 3 : 2);
    base = p.base;
    break;
  }
  if (base == 0) base = 10;
  const auto digits = without_underscores(text);
  if (!digits || digits->starts_with('-') || base < 2 || base > 36) return std::nullopt;
  const std::string all = (negative ? "-" : "") + *digits;
  std::int64_t whole = 0;
  const auto [stop, code] =
      std::from_chars(all.data(), all.data() + all.size(), whole, static_cast<int>(base));
  if (stop != all.data() + all.size()) return std::nullopt;
  if (code == std::errc()) return whole;
  if (code != std::errc::result_out_of_range) return std::nullopt;
  constexpr std::size_t kPythonMost = 4300;
  if (digits->size() > kPythonMost) return std::nullopt;
  if (base != 10) throw failure("a whole number does not fit 64 bits");
  return whole_of_digits(negative, *digits);
}

/// What a number reads as that is too large or too small for a double: infinite or 0.
double beyond_doubles(std::string_view text) {
  const double sign = text.starts_with('-') ? -1.0 : 1.0;
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t mark = std::min(text.find_first_of("eE"), text.size());
  const std::string_view digits = text.substr(0, mark);
  std::string_view power = mark < text.size() ? text.substr(mark + 1) : "0";
  if (power.starts_with('+')) power.remove_prefix(1);
  constexpr std::int64_t kHuge = INT64_MAX / 4;
  std::int64_t exponent = 0;
  const auto [end, code] = std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (code != std::errc()) exponent = power.starts_with('-') ? -kHuge : kHuge;
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return sign * 0.0;
  const auto whole = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  const bool large = std::clamp(exponent, -kHuge, kHuge) + whole > static_cast<std::int64_t>(first);
  return sign * (large ? std::numeric_limits<double>::infinity() : 0.0);
}

std::optional<double> real_of_text(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto digits = without_underscores(text);
  if (!digits) return std::nullopt;
  double real = 0;
  const auto [stop, code] = std::from_chars(digits->data(), digits->data() + digits->size(), real);
  if (stop != digits->data() + digits->size()) return std::nullopt;
  if (code == std::errc::result_out_of_range) return beyond_doubles(*digits);
  return code == std::errc() ? std::optional(real) : std::nullopt;
}

Value int_filter(Render& render, In v, Args a) {
  const Bound b("int", {"default", "base"}, a);
  Value otherwise = b.find(0) == nullptr ? Value(std::int64_t{0}) : *b.find(0);
  refuse_undefined(v);
  if (v.is_whole()) return v.whole();
  if (is_big_whole(v)) return v;
  if (v.real() != nullptr) {
    const double d = std::trunc(*v.real());
    return std::fabs(d) < 9.2e18 ? Value(static_cast<std::int64_t>(d)) : otherwise;
  }
  if (v.string() == nullptr) return otherwise;
  const std::string_view text = strip(*v.string(), std::nullopt, true, true);
  if (const auto whole = whole_of_text(text, b.whole(1, 10))) {
    if (is_big_whole(*whole)) render.string(text.size());
    return *whole;
  }
  if (const auto real = real_of_text(text); real && std::fabs(*real) < 9.2e18) {
    return static_cast<std::int64_t>(*real);
  }
  return otherwise;
}

Value float_filter(Render&, In v, Args a) {
  const Bound b("float", {"default"}, a);
  refuse_undefined(v);
  if (v.is_number()) return v.number();
  if (is_big_whole(v)) return real_of_text(v.object()->text()).value_or(0);
  if (v.string() != nullptr) {
    const auto real = real_of_text(strip(*v.string(), std::nullopt, true, true));
    if (real) return *real;
  }
  return b.find(0) == nullptr ? Value(0.0) : *b.find(0);
}

Value round_filter(Render&, In v, Args a) {
  const Bound b("round", {"precision", "method"}, a);
  if (!v.is_number()) throw failure(fmt::format("round needs a number, not '{}'", v.type_name()));
  const std::int64_t precision = std::clamp<std::int64_t>(b.whole(0, 0), -300, 300);
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const std::string method = b.optional_text(1).value_or("common");
  const double scaled = v.number() * scale;
  if (method == "ceil") return std::ceil(scaled) / scale;
  if (method == "floor") return std::floor(scaled) / scale;
  if (method != "common") throw failure("round: method is common, ceil or floor");
  if (precision < 0) {
    const double rounded = std::nearbyint(scaled) / scale;
    return v.is_whole() && std::fabs(rounded) < 9e15 ? Value(static_cast<std::int64_t>(rounded))
                                                     : Value(rounded);
  }
  if (v.is_whole()) return v.whole();
  // By decimal digits: 2.675 is a little less than its text says, and 100 times it is not.
  return real_of_text(fmt::format("{:.{}f}", v.number(), precision)).value_or(v.number());
}

Value abs_filter(Render&, In v, Args) {
  refuse_undefined(v);
  if (v.is_whole() && v.whole() == INT64_MIN) {
    return whole_of_digits(false, std::string_view(std::to_string(INT64_MIN)).substr(1));
  }
  if (v.is_whole()) return std::abs(v.whole());
  if (v.real() != nullptr) return std::fabs(*v.real());
  if (is_big_whole(v)) {
    const std::string text = v.object()->text();
    return whole_of_digits(false, std::string_view(text).substr(text.starts_with('-') ? 1 : 0));
  }
  throw failure(fmt::format("bad operand type for abs(): '{}'", v.type_name()));
}

Value replace_filter(Render& render, In v, Args a) {
  const Bound b("replace", {"old", "new", "count"}, a);
  return replaced(render, to_text(render, v), to_text(render, b.required(0)),
                  to_text(render, b.required(1)), b.whole(2, -1));
}

Value trim_filter(Render& render, In v, Args a) {
  const auto set = Bound("trim", {"chars"}, a).optional_text(0);
  const std::string text = to_text(render, v);
  return stripped(render, text, set, true, true);
}

std::string format_filter(Render& render, In v, Args a) {
  if (!a.positional.empty() && !a.named.empty()) {
    throw failure("can't handle positional and keyword arguments at the same time");
  }
  return percent_format(render, to_text(render, v), a);
}

Value as_text(Render& render, In v, Args) { return text_of(render, to_text(render, v)); }

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
    {"int", int_filter},
    {"float", float_filter},
    {"round", round_filter},
    {"abs", abs_filter},
    {"lower", [](Render& r, In v, Args) { return text_of(r, lower(to_text(r, v))); }},
    {"upper", [](Render& r, In v, Args) { return text_of(r, upper(to_text(r, v))); }},
    {"title", [](Render& r, In v, Args) { return text_of(r, titled_words(to_text(r, v))); }},
    {"capitalize", [](Render& r, In v, Args) { return text_of(r, capitalized(to_text(r, v))); }},
    {"format", [](Render& r, In v, Args a) { return text_of(r, format_filter(r, v, a)); }},
    {"attr",
     [](Render& r, In v, Args a) {
       const std::string name = Bound("attr", {"name"}, a).text(0);
       // Not the keys of a mapping.
       const bool key = v.dict() != nullptr && !find_method(v, name);
       return key ? Value::undefined("dict object has no " + name) : attribute_of(r, v, name);
     }},
};

}  // namespace

std::span<const FilterRow> value_filters() noexcept { return kFilters; }

Filter find_filter(std::string_view name) noexcept {
  for (const std::span<const FilterRow> rows :
       {value_filters(), sequence_filters(), text_filters()}) {
    for (const FilterRow& row : rows) {
      if (row.name == name) return row.filter;
    }
  }
  return nullptr;
}

Value apply_filter(Render& render, std::string_view name, const Value& input,
                   const Arguments& arguments) {
  const Filter filter = find_filter(name);
  if (filter == nullptr) throw failure(fmt::format("No filter named '{}'", name));
  render.look(input);
  render.look(arguments);
  return filter(render, input, arguments);
}

}  // namespace text::jinja
