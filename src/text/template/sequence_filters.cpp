// Filters of lists, mappings and whatever else can be iterated.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/arguments.h"
#include "text/template/expressions.h"
#include "text/template/filters.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;
using Values = std::vector<Value>;

Values items_of(Render& render, In v) {
  Values out = iterate(v);
  render.step(out.size());
  return out;
}

/// An attribute by its dotted path, with numbers for places: "function.name", "0".
Value path_of(In v, std::string_view path) {
  Value out = v;
  for (const std::string& part : split(path, ".", -1)) {
    const bool number = !part.empty() &&
                        part.find_first_not_of("0123456789") == std::string::npos &&
                        part.size() < 10;
    out = item_of(out, number ? Value(std::int64_t{std::stoll(part)}) : Value(part));
  }
  return out;
}

/// What text compares by where case does not count.
Value folded(In v, bool case_sensitive) {
  return case_sensitive || v.string() == nullptr ? v : Value(lower(*v.string()));
}

/// Sort keys by an optional attribute; several are parted by commas.
Value sort_key(In v, const std::optional<std::string>& attribute, bool case_sensitive) {
  if (!attribute) return folded(v, case_sensitive);
  Values keys;
  for (const std::string& path : split(*attribute, ",", -1)) {
    keys.push_back(folded(path_of(v, path), case_sensitive));
  }
  return keys.size() == 1 ? keys[0] : Value::tuple(std::move(keys));
}

Values sorted(Values values, const std::vector<Value>& keys, bool reverse) {
  std::vector<std::size_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return reverse ? less(keys[b], keys[a]) : less(keys[a], keys[b]);
  });
  Values out;
  for (const std::size_t i : order) out.push_back(values[i]);
  return out;
}

Value sort_filter(Render& render, In v, Args a) {
  const Bound b("sort", {"reverse", "case_sensitive", "attribute"}, a);
  const Values values = items_of(render, v);
  Values keys;
  for (In item : values) {
    const Value* attribute = b.find(2);
    const bool by_place = attribute != nullptr && attribute->is_whole();
    keys.push_back(by_place ? folded(item_of(item, *attribute), b.flag(1, false))
                            : sort_key(item, b.optional_text(2), b.flag(1, false)));
  }
  render.step(values.size() * 16);
  return Value::list(sorted(values, keys, b.flag(0, false)));
}

Value dictsort_filter(Render& render, In v, Args a) {
  const Bound b("dictsort", {"case_sensitive", "by", "reverse"}, a);
  if (v.dict() == nullptr) {
    throw failure(fmt::format("dictsort needs a mapping, not '{}'", v.type_name()));
  }
  const std::string by = b.optional_text(1).value_or("key");
  if (by != "key" && by != "value")
    throw failure("You can only sort by either \"key\" or \"value\"");
  Values pairs;
  Values keys;
  for (const auto& [key, value] : v.dict()->entries) {
    pairs.push_back(Value::tuple({key, value}));
    keys.push_back(folded(by == "key" ? key : value, b.flag(0, false)));
  }
  render.step(pairs.size() * 16);
  return Value::list(sorted(pairs, keys, b.flag(2, false)));
}

Value join_filter(Render& render, In v, Args a) {
  const Bound b("join", {"d", "attribute"}, a);
  const std::string between = b.find(0) == nullptr ? "" : to_text(*b.find(0));
  const auto attribute = b.optional_text(1);
  std::string out;
  bool first = true;
  for (In item : items_of(render, v)) {
    if (!std::exchange(first, false)) out += between;
    const std::string text = to_text(attribute ? path_of(item, *attribute) : item);
    out += text;
    render.string(out.size() > render.limits().bytes ? out.size() : text.size());
  }
  return out;
}

/// The rest of a filter's arguments, behind the name of a test or filter.
Arguments behind(Args a, std::size_t n) {
  return {{a.positional.begin() + static_cast<std::ptrdiff_t>(std::min(n, a.positional.size())),
           a.positional.end()},
          a.named};
}

std::string name_argument(std::string_view filter, Args a, std::size_t i) {
  if (i < a.positional.size() && a.positional[i].string() != nullptr)
    return *a.positional[i].string();
  throw failure(fmt::format("{} needs a name as argument", filter));
}

/// select, reject: by a test of the item; selectattr, rejectattr: of one of its attributes.
Value chosen(Render& render, In v, Args a, bool by_attribute, bool keep) {
  const std::size_t test_at = by_attribute ? 1 : 0;
  const std::string attribute = by_attribute ? name_argument("selectattr", a, 0) : "";
  const bool has_test = a.positional.size() > test_at;
  const std::string test = has_test ? name_argument("select", a, test_at) : "";
  const Arguments arguments = behind(a, test_at + 1);
  Values out;
  for (In item : items_of(render, v)) {
    const Value subject = by_attribute ? path_of(item, attribute) : item;
    const bool holds = has_test ? apply_test(render, test, subject, arguments) : truth(subject);
    if (holds == keep) out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value map_filter(Render& render, In v, Args a) {
  const auto attribute = std::find_if(a.named.begin(), a.named.end(),
                                      [](const auto& named) { return named.first == "attribute"; });
  const auto otherwise = std::find_if(a.named.begin(), a.named.end(),
                                      [](const auto& named) { return named.first == "default"; });
  Values out;
  for (In item : items_of(render, v)) {
    if (attribute == a.named.end()) {
      out.push_back(apply_filter(render, name_argument("map", a, 0), item, behind(a, 1)));
      continue;
    }
    Value found = attribute->second.is_whole() ? item_of(item, attribute->second)
                                               : path_of(item, to_text(attribute->second));
    if (found.is_undefined() && otherwise != a.named.end()) found = otherwise->second;
    out.push_back(std::move(found));
  }
  return Value::list(std::move(out));
}

Value extreme(Render& render, In v, Args a, bool largest) {
  const Bound b("min", {"case_sensitive", "attribute"}, a);
  const Values values = items_of(render, v);
  if (values.empty()) return Value::undefined("the extreme of an empty sequence");
  std::size_t best = 0;
  Value best_key;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Value key = sort_key(values[i], b.optional_text(1), b.flag(0, false));
    if (i == 0 || (largest ? less(best_key, key) : less(key, best_key))) {
      best = i;
      best_key = std::move(key);
    }
  }
  return values[best];
}

Value unique_filter(Render& render, In v, Args a) {
  const Bound b("unique", {"case_sensitive", "attribute"}, a);
  Values out;
  Values keys;
  for (In item : items_of(render, v)) {
    const Value key = sort_key(item, b.optional_text(1), b.flag(0, false));
    render.step(keys.size());
    const bool known =
        std::any_of(keys.begin(), keys.end(), [&](In seen) { return equal(seen, key); });
    if (known) continue;
    keys.push_back(key);
    out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value sum_filter(Render& render, In v, Args a) {
  const Bound b("sum", {"attribute", "start"}, a);
  Value total = b.find(1) == nullptr ? Value(std::int64_t{0}) : *b.find(1);
  const auto attribute = b.optional_text(0);
  for (In item : items_of(render, v)) {
    total = arithmetic(render, "+", total, attribute ? path_of(item, *attribute) : item);
  }
  return total;
}

Value reverse_filter(Render& render, In v, Args) {
  Values items = items_of(render, v);
  std::reverse(items.begin(), items.end());
  if (v.string() == nullptr) return Value::list(std::move(items));
  std::string out;
  for (In c : items) out += *c.string();
  return out;
}

Value items_filter(Render& render, In v, Args) {
  if (v.is_undefined()) return Value::list({});
  if (v.dict() == nullptr) throw failure("Can only get item pairs from a mapping.");
  Values out;
  for (const auto& [key, value] : v.dict()->entries) out.push_back(Value::tuple({key, value}));
  render.step(out.size());
  return Value::list(std::move(out));
}

Value first_filter(Render& render, In v, Args) {
  const Values items = items_of(render, v);
  return items.empty() ? Value::undefined("the first item of an empty sequence") : items.front();
}
Value last_filter(Render& render, In v, Args) {
  const Values items = items_of(render, v);
  return items.empty() ? Value::undefined("the last item of an empty sequence") : items.back();
}
Value length_filter(Render& render, In v, Args) {
  if (v.string() != nullptr) render.string(v.string()->size());
  return static_cast<std::int64_t>(length(v));
}

constexpr FilterRow kFilters[] = {
    {"length", length_filter},
    {"count", length_filter},
    {"first", first_filter},
    {"last", last_filter},
    {"list", [](Render& r, In v, Args) { return Value::list(items_of(r, v)); }},
    {"items", items_filter},
    {"join", join_filter},
    {"sort", sort_filter},
    {"dictsort", dictsort_filter},
    {"map", map_filter},
    {"select", [](Render& r, In v, Args a) { return chosen(r, v, a, false, true); }},
    {"reject", [](Render& r, In v, Args a) { return chosen(r, v, a, false, false); }},
    {"selectattr", [](Render& r, In v, Args a) { return chosen(r, v, a, true, true); }},
    {"rejectattr", [](Render& r, In v, Args a) { return chosen(r, v, a, true, false); }},
    {"min", [](Render& r, In v, Args a) { return extreme(r, v, a, false); }},
    {"max", [](Render& r, In v, Args a) { return extreme(r, v, a, true); }},
    {"unique", unique_filter},
    {"sum", sum_filter},
    {"reverse", reverse_filter},
};

}  // namespace

std::span<const FilterRow> sequence_filters() noexcept { return kFilters; }

}  // namespace text::jinja
