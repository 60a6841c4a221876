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

/// Where an attribute is found: "function.name", with numbers for places ("x.0"), or one number.
class Path {
 public:
  explicit Path(In attribute) {
    if (attribute.string() == nullptr) {
      parts_.push_back(attribute);
      return;
    }
    for (const std::string& part : split(*attribute.string(), ".", -1)) {
      const bool number = !part.empty() && part.size() < 10 &&
                          part.find_first_not_of("0123456789") == std::string::npos;
      parts_.push_back(number ? Value(std::int64_t{std::stoll(part)}) : Value(part));
    }
  }

  /// `otherwise`, if given, is what a missing part counts as.
  Value of(In item, const Value* otherwise = nullptr) const {
    Value out = item;
    for (In part : parts_) {
      out = item_of(out, part);
      if (out.is_undefined() && otherwise != nullptr) out = *otherwise;
    }
    return out;
  }

 private:
  Values parts_;
};

std::optional<Path> optional_path(const Value* attribute) {
  if (attribute == nullptr || attribute->is_none()) return std::nullopt;
  return Path(*attribute);
}

/// What text compares by where case does not count.
Value folded(In v, bool case_sensitive) {
  return case_sensitive || v.string() == nullptr ? v : Value(lower(*v.string()));
}

/// What sort compares: an item, or some of its attributes ("a,b").
class SortKey {
 public:
  SortKey(const Value* attribute, bool case_sensitive) : case_sensitive_(case_sensitive) {
    if (attribute == nullptr || attribute->is_none()) return;
    if (attribute->string() == nullptr) {
      paths_.emplace_back(*attribute);
      return;
    }
    for (const std::string& path : split(*attribute->string(), ",", -1)) {
      paths_.emplace_back(Value(path));
    }
  }
  Value of(In item) const {
    if (paths_.empty()) return folded(item, case_sensitive_);
    Values keys;
    for (const Path& path : paths_) keys.push_back(folded(path.of(item), case_sensitive_));
    return keys.size() == 1 ? keys[0] : Value::tuple(std::move(keys));
  }

 private:
  std::vector<Path> paths_;
  bool case_sensitive_;
};

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
  const SortKey key(b.find(2), b.flag(1, false));
  const Values values = items_of(render, v);
  Values keys;
  for (In item : values) keys.push_back(key.of(item));
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
  const auto attribute = optional_path(b.find(1));
  std::string out;
  bool first = true;
  for (In item : items_of(render, v)) {
    if (!std::exchange(first, false)) out += between;
    const std::string text = to_text(attribute ? attribute->of(item) : item);
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
  if (by_attribute && a.positional.empty()) throw failure("Missing parameter for attribute name");
  const auto attribute = optional_path(by_attribute ? a.positional.data() : nullptr);
  const bool has_test = a.positional.size() > test_at;
  const std::string test = has_test ? name_argument("select", a, test_at) : "";
  const Arguments arguments = behind(a, test_at + 1);
  Values out;
  for (In item : items_of(render, v)) {
    const Value subject = attribute ? attribute->of(item) : item;
    const bool holds = has_test ? apply_test(render, test, subject, arguments) : truth(subject);
    if (holds == keep) out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value map_filter(Render& render, In v, Args a) {
  if (!a.positional.empty()) {
    const std::string filter = name_argument("map", a, 0);
    Values out;
    for (In item : items_of(render, v)) {
      out.push_back(apply_filter(render, filter, item, behind(a, 1)));
    }
    return Value::list(std::move(out));
  }
  const Bound b("map", {"attribute", "default"}, a);
  if (b.find(0) == nullptr) throw failure("map requires a filter argument");
  const Path path(*b.find(0));
  Values out;
  for (In item : items_of(render, v)) out.push_back(path.of(item, b.find(1)));
  return Value::list(std::move(out));
}

Value extreme(Render& render, In v, Args a, bool largest) {
  const Bound b("min", {"case_sensitive", "attribute"}, a);
  const Values values = items_of(render, v);
  if (values.empty()) return Value::undefined("the extreme of an empty sequence");
  const SortKey sort_key(b.find(1), b.flag(0, false));
  std::size_t best = 0;
  Value best_key;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Value key = sort_key.of(values[i]);
    if (i == 0 || (largest ? less(best_key, key) : less(key, best_key))) {
      best = i;
      best_key = std::move(key);
    }
  }
  return values[best];
}

Value unique_filter(Render& render, In v, Args a) {
  const Bound b("unique", {"case_sensitive", "attribute"}, a);
  const SortKey sort_key(b.find(1), b.flag(0, false));
  Values out;
  Values keys;
  for (In item : items_of(render, v)) {
    const Value key = sort_key.of(item);
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
  const auto attribute = optional_path(b.find(0));
  for (In item : items_of(render, v)) {
    total = arithmetic(render, "+", total, attribute ? attribute->of(item) : item);
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

/// Rows of `linecount` items; the last is filled up if there is something to fill it with.
Value batch_filter(Render& render, In v, Args a) {
  const Bound b("batch", {"linecount", "fill_with"}, a);
  b.required(0);
  const std::int64_t given = b.whole(0, 0);
  if (given < 1) throw failure("batch needs at least one item a row");
  const auto size = static_cast<std::size_t>(given);
  const Values items = items_of(render, v);
  const bool filled = b.find(1) != nullptr && !b.find(1)->is_none();
  Values rows;
  for (std::size_t at = 0; at < items.size();) {
    const std::size_t n = std::min(size, items.size() - at);
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(at);
    Values row(begin, begin + static_cast<std::ptrdiff_t>(n));
    if (filled && n < size) {
      render.items(size - n);
      row.resize(size, *b.find(1));
    }
    rows.push_back(Value::list(std::move(row)));
    at += n;
  }
  return Value::list(std::move(rows));
}

/// `slices` columns as equal in length as can be; short ones get the fill.
Value slice_filter(Render& render, In v, Args a) {
  const Bound b("slice", {"slices", "fill_with"}, a);
  b.required(0);
  const std::int64_t given = b.whole(0, 0);
  if (given == 0) throw failure("division by zero");
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(given, 0));
  const Values items = items_of(render, v);
  const bool filled = b.find(1) != nullptr && !b.find(1)->is_none();
  render.items(n);
  Values slices;
  auto at = items.begin();
  for (std::size_t i = 0; i < n; ++i) {
    const bool longer = i < items.size() % n;
    const auto end = at + static_cast<std::ptrdiff_t>(items.size() / n + (longer ? 1 : 0));
    Values slice(at, end);
    if (filled && !longer) slice.push_back(*b.find(1));
    slices.push_back(Value::list(std::move(slice)));
    at = end;
  }
  return Value::list(std::move(slices));
}

/// Pairs of a value of the attribute and the items that have it, in order of the value.
Value groupby_filter(Render& render, In v, Args a) {
  static constexpr std::string_view kNames[] = {"grouper", "list"};
  const Bound b("groupby", {"attribute", "default", "case_sensitive"}, a);
  const Path path(b.required(0));
  const bool case_sensitive = b.flag(2, false);
  const Value* otherwise = b.find(1) != nullptr && b.find(1)->is_none() ? nullptr : b.find(1);
  const Values items = items_of(render, v);
  Values keys;
  for (In item : items) keys.push_back(folded(path.of(item, otherwise), case_sensitive));
  render.step(items.size() * 16);
  Values pairs;
  for (std::size_t i = 0; i < items.size(); ++i) pairs.push_back(Value::tuple({keys[i], items[i]}));
  const Values in_order = sorted(std::move(pairs), keys, false);
  Values groups;
  for (std::size_t at = 0; at < in_order.size();) {
    const Value& key = in_order[at].list()->items[0];
    const Value first = in_order[at].list()->items[1];
    Values group;
    for (; at < in_order.size() && equal(in_order[at].list()->items[0], key); ++at) {
      group.push_back(in_order[at].list()->items[1]);
    }
    Value pair = Value::tuple({path.of(first, otherwise), Value::list(std::move(group))});
    pair.list()->names = kNames;
    groups.push_back(std::move(pair));
  }
  return Value::list(std::move(groups));
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
    {"batch", batch_filter},
    {"slice", slice_filter},
    {"groupby", groupby_filter},
};

}  // namespace

std::span<const FilterRow> sequence_filters() noexcept { return kFilters; }

}  // namespace text::jinja
