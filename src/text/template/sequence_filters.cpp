// Filters of lists, mappings and whatever else can be iterated.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/arguments.h"
#include "text/template/expressions.h"
#include "text/template/filters.h"
#include "text/template/items.h"
#include "text/template/iteration.h"
#include "text/template/methods.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;
using Values = std::vector<Value>;

/// A new list of items that are counted.
Value list_of(Render& render, Values items) {
  render.object();
  return Value::list(std::move(items));
}

/// One more item of a list in the making.
void add(Render& render, Values& list, Value item) {
  render.items(1);
  list.push_back(std::move(item));
}

/// Where an attribute is found: "function.name", with numbers for places ("x.0"), or one number.
class Path {
 public:
  Path(Render& render, In attribute) {
    if (attribute.string() == nullptr) {
      add(render, parts_, attribute);
      return;
    }
    split(*attribute.string(), ".", -1, [&](std::string_view part) {
      const bool number = !part.empty() && part.size() < 10 &&
                          part.find_first_not_of("0123456789") == std::string_view::npos;
      add(render, parts_,
          number ? Value(std::int64_t{std::stoll(std::string(part))})
                 : text_of(render, std::string(part)));
    });
  }

  /// `otherwise`, if given, is what a missing part counts as.
  Value of(Render& render, In item, const Value* otherwise = nullptr) const {
    render.step(parts_.size());
    Value out = item;
    for (In part : parts_) {
      out = item_of(render, out, part);
      if (out.is_undefined() && otherwise != nullptr) out = *otherwise;
    }
    return out;
  }

 private:
  Values parts_;
};

std::optional<Path> optional_path(Render& render, const Value* attribute) {
  if (attribute == nullptr || attribute->is_none()) return std::nullopt;
  return Path(render, *attribute);
}

/// What text compares by where case does not count.
Value folded(Render& render, In v, bool case_sensitive) {
  if (case_sensitive || v.string() == nullptr) return v;
  render.look(v.string()->size());
  return text_of(render, lower(*v.string()));
}

/// What sort compares: an item, or some of its attributes ("a,b").
class SortKey {
 public:
  SortKey(Render& render, const Value* attribute, bool case_sensitive)
      : case_sensitive_(case_sensitive) {
    if (attribute == nullptr || attribute->is_none()) return;
    if (attribute->string() == nullptr) {
      paths_.emplace_back(render, *attribute);
      return;
    }
    split(*attribute->string(), ",", -1, [&](std::string_view path) {
      render.object();
      paths_.emplace_back(render, text_of(render, std::string(path)));
    });
  }
  Value of(Render& render, In item) const {
    if (paths_.empty()) return folded(render, item, case_sensitive_);
    if (paths_.size() == 1) return folded(render, paths_[0].of(render, item), case_sensitive_);
    render.object();
    render.items(paths_.size());
    Values keys;
    for (const Path& path : paths_) {
      keys.push_back(folded(render, path.of(render, item), case_sensitive_));
    }
    return Value::tuple(std::move(keys));
  }

 private:
  std::vector<Path> paths_;
  bool case_sensitive_;
};

/// The values in the order of their keys: a new list, counted.
Values sorted(Render& render, const Values& values, const Values& keys, bool reverse) {
  render.items(values.size());
  const Render::Held held(render, 2 * values.size() * sizeof(std::size_t));
  std::vector<std::size_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return reverse ? less(render, keys[b], keys[a]) : less(render, keys[a], keys[b]);
  });
  Values out;
  out.reserve(values.size());
  for (const std::size_t i : order) out.push_back(values[i]);
  return out;
}

Value sort_filter(Render& render, In v, Args a) {
  const Bound b("sort", {"reverse", "case_sensitive", "attribute"}, a);
  const SortKey key(render, b.find(2), b.flag(1, false));
  const Items values(render, v);
  Values keys;
  for (In item : values) add(render, keys, key.of(render, item));
  return list_of(render, sorted(render, values.values(), keys, b.flag(0, false)));
}

Value dictsort_filter(Render& render, In v, Args a) {
  const Bound b("dictsort", {"case_sensitive", "by", "reverse"}, a);
  if (v.dict() == nullptr) {
    throw failure(fmt::format("dictsort needs a mapping, not '{}'", v.type_name()));
  }
  const std::string by = b.optional_text(1).value_or("key");
  if (by != "key" && by != "value")
    throw failure("You can only sort by either \"key\" or \"value\"");
  const Values pairs = pairs_of(render, *v.dict());
  Values keys;
  for (const auto& [key, value] : v.dict()->entries) {
    add(render, keys, folded(render, by == "key" ? key : value, b.flag(0, false)));
  }
  return list_of(render, sorted(render, pairs, keys, b.flag(2, false)));
}

Value join_filter(Render& render, In v, Args a) {
  const Bound b("join", {"d", "attribute"}, a);
  const std::string between = b.find(0) == nullptr ? "" : to_text(render, *b.find(0));
  const auto attribute = optional_path(render, b.find(1));
  render.string(0);
  std::string out;
  bool first = true;
  for (In item : Items(render, v)) {
    if (!std::exchange(first, false)) render.append(out, between);
    render.append(out, to_text(render, attribute ? attribute->of(render, item) : item));
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

/// All values that a generator keeps: its input and the arguments.
Values kept(In v, Args a) {
  Values out{v};
  out.insert(out.end(), a.positional.begin(), a.positional.end());
  for (const auto& [name, value] : a.named) out.push_back(value);
  return out;
}

/// Calls `make(item)` for the items of `v` one by one; where it gives nothing, the item is left
/// out. A false input has no items, whatever it is; so is it in Jinja.
template <class Make>
Value made_of_items(Render& render, In v, Args a, Make make) {
  const Value over = truth(v) ? v : Value();
  std::optional<Source> source;
  return generator(render, kept(v, a),
                   [over, source, make](Render& r) mutable -> std::optional<Value> {
                     if (!source) source.emplace(over);
                     while (std::optional<Value> item = source->next(r)) {
                       if (std::optional<Value> made = make(r, *item)) return made;
                     }
                     return std::nullopt;
                   });
}

/// select, reject: by a test of the item; selectattr, rejectattr: of one of its attributes.
Value chosen(Render& render, In v, Args a, bool by_attribute, bool keep) {
  const std::size_t test_at = by_attribute ? 1 : 0;
  auto holds = [a, by_attribute, test_at, rest = behind(a, test_at + 1),
                path = std::optional<Path>()](Render& r, In item) mutable {
    if (by_attribute && a.positional.empty()) {
      throw failure("Missing parameter for attribute name");
    }
    if (by_attribute && !path) path.emplace(r, a.positional[0]);
    const Value subject = path ? path->of(r, item) : item;
    if (a.positional.size() <= test_at) return truth(subject);
    return apply_test(r, name_argument("select", a, test_at), subject, rest);
  };
  return made_of_items(render, v, a, [holds, keep](Render& r, In item) mutable {
    return holds(r, item) == keep ? std::optional(item) : std::nullopt;
  });
}

Value map_filter(Render& render, In v, Args a) {
  const auto made = [a, rest = behind(a, 1), path = std::optional<Path>()](
                        Render& r, In item) mutable -> std::optional<Value> {
    if (!a.positional.empty()) return apply_filter(r, name_argument("map", a, 0), item, rest);
    const Bound b("map", {"attribute", "default"}, a);
    if (b.find(0) == nullptr) throw failure("map requires a filter argument");
    if (!path) path.emplace(r, *b.find(0));
    return path->of(r, item, b.find(1));
  };
  return made_of_items(render, v, a, made);
}

Value extreme(Render& render, In v, Args a, bool largest) {
  const Bound b("min", {"case_sensitive", "attribute"}, a);
  const Items values(render, v);
  if (values.empty()) return Value::undefined("the extreme of an empty sequence");
  const SortKey sort_key(render, b.find(1), b.flag(0, false));
  std::size_t best = 0;
  Value best_key;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Value key = sort_key.of(render, values[i]);
    if (i == 0 || (largest ? less(render, best_key, key) : less(render, key, best_key))) {
      best = i;
      best_key = std::move(key);
    }
  }
  return values[best];
}

Value unique_filter(Render& render, In v, Args a) {
  const Bound b("unique", {"case_sensitive", "attribute"}, a);
  const SortKey sort_key(render, b.find(1), b.flag(0, false));
  return generator(
      render, kept(v, a),
      [source = Source(v), sort_key, keys = Values()](Render& r) mutable -> std::optional<Value> {
        while (std::optional<Value> item = source.next(r)) {
          const Value key = sort_key.of(r, *item);
          const bool known =
              std::any_of(keys.begin(), keys.end(), [&](In seen) { return equal(r, seen, key); });
          if (known) continue;
          add(r, keys, key);
          return item;
        }
        return std::nullopt;
      });
}

Value sum_filter(Render& render, In v, Args a) {
  const Bound b("sum", {"attribute", "start"}, a);
  Value total = b.find(1) == nullptr ? Value(std::int64_t{0}) : *b.find(1);
  const auto attribute = optional_path(render, b.find(0));
  for (In item : Items(render, v)) {
    total = arithmetic(render, "+", total, attribute ? attribute->of(render, item) : item);
  }
  return total;
}

Value reverse_filter(Render& render, In v, Args) {
  if (const std::string* text = v.string()) {
    render.string(text->size());
    std::string out;
    for (std::string_view rest = *text; !rest.empty();) {
      const std::size_t n = last_bytes(rest);
      out += rest.substr(rest.size() - n);
      rest.remove_suffix(n);
    }
    return out;
  }
  Values items = Items(render, v).take();
  std::reverse(items.begin(), items.end());
  const bool used_up = v.object() != nullptr && !v.object()->size();
  const Value list = list_of(render, std::move(items));
  if (used_up || v.is_undefined()) return list;
  return generator(render, {list},
                   [source = Source(list)](Render& r) mutable { return source.next(r); });
}

/// Rows of `linecount` items; the last is filled up if there is something to fill it with.
Value batch_filter(Render& render, In v, Args a) {
  const Bound b("batch", {"linecount", "fill_with"}, a);
  b.required(0);
  const std::int64_t given = b.whole(0, 0);
  if (given < 1) throw failure("batch needs at least one item a row");
  const bool filled = b.find(1) != nullptr && !b.find(1)->is_none();
  const Value fill = filled ? *b.find(1) : Value();
  return generator(render, kept(v, a),
                   [source = Source(v), size = static_cast<std::size_t>(given), filled,
                    fill](Render& r) mutable -> std::optional<Value> {
                     Values row;
                     while (row.size() < size) {
                       std::optional<Value> item = source.next(r);
                       if (!item) break;
                       add(r, row, *std::move(item));
                     }
                     if (row.empty()) return std::nullopt;
                     if (filled && row.size() < size) {
                       r.items(size - row.size());
                       row.resize(size, fill);
                     }
                     return list_of(r, std::move(row));
                   });
}

/// `slices` columns as equal in length as can be; short ones get the fill.
Value slice_filter(Render& render, In v, Args a) {
  const Bound b("slice", {"slices", "fill_with"}, a);
  b.required(0);
  const std::int64_t given = b.whole(0, 0);
  if (given == 0) throw failure("division by zero");
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(given, 0));
  const bool filled = b.find(1) != nullptr && !b.find(1)->is_none();
  const Value fill = filled ? *b.find(1) : Value();
  const Values items = Items(render, v).take();
  return generator(render, kept(v, a),
                   [items, n, filled, fill, i = std::size_t{0},
                    at = std::size_t{0}](Render& r) mutable -> std::optional<Value> {
                     if (i == n) return std::nullopt;
                     const bool longer = i++ < items.size() % n;
                     const std::size_t size = items.size() / n + (longer ? 1 : 0);
                     const auto begin = items.begin() + static_cast<std::ptrdiff_t>(at);
                     r.items(size);
                     Values slice(begin, begin + static_cast<std::ptrdiff_t>(size));
                     if (filled && !longer) add(r, slice, fill);
                     at += size;
                     return list_of(r, std::move(slice));
                   });
}

/// Pairs of a value of the attribute and the items that have it, in order of the value.
Value groupby_filter(Render& render, In v, Args a) {
  static constexpr std::string_view kNames[] = {"grouper", "list"};
  const Bound b("groupby", {"attribute", "default", "case_sensitive"}, a);
  const Path path(render, b.required(0));
  const bool case_sensitive = b.flag(2, false);
  const Value* otherwise = b.find(1) != nullptr && b.find(1)->is_none() ? nullptr : b.find(1);
  const Items items(render, v);
  Values keys;
  Values pairs;
  for (In item : items) {
    add(render, keys, folded(render, path.of(render, item, otherwise), case_sensitive));
    render.items(2);
    add(render, pairs, Value::tuple({keys.back(), item}));
    render.object();
  }
  const Values in_order = sorted(render, pairs, keys, false);
  Values groups;
  for (std::size_t at = 0; at < in_order.size();) {
    const Value& key = in_order[at].list()->items[0];
    const Value first = in_order[at].list()->items[1];
    Values group;
    for (; at < in_order.size() && equal(render, in_order[at].list()->items[0], key); ++at) {
      add(render, group, in_order[at].list()->items[1]);
    }
    render.items(2);
    render.object();
    Value pair =
        Value::tuple({path.of(render, first, otherwise), list_of(render, std::move(group))});
    pair.list()->names = kNames;
    add(render, groups, std::move(pair));
  }
  return list_of(render, std::move(groups));
}

Value items_filter(Render& render, In v, Args a) {
  if (!v.is_undefined() && v.dict() == nullptr) {
    throw failure("Can only get item pairs from a mapping.");
  }
  const Value pairs = v.is_undefined() ? Value() : Value::list(pairs_of(render, *v.dict()));
  return generator(render, kept(pairs, a),
                   [source = Source(pairs)](Render& r) mutable { return source.next(r); });
}

Value first_filter(Render& render, In v, Args) {
  return Source(v).next(render).value_or(Value::undefined("the first item of an empty sequence"));
}
Value last_filter(Render& render, In v, Args) {
  if (const List* list = v.list(); list != nullptr && !list->items.empty()) {
    return list->items.back();
  }
  if (v.string() != nullptr && !v.string()->empty()) return item_of(render, v, std::int64_t{-1});
  if (v.object() != nullptr && !v.object()->size()) {
    throw failure(fmt::format("'{}' object is not reversible", v.type_name()));
  }
  const Items items(render, v);
  return items.empty() ? Value::undefined("the last item of an empty sequence")
                       : items[items.size() - 1];
}
Value length_filter(Render& render, In v, Args) {
  return static_cast<std::int64_t>(length(render, v));
}

constexpr FilterRow kFilters[] = {
    {"length", length_filter},
    {"count", length_filter},
    {"first", first_filter},
    {"last", last_filter},
    {"list", [](Render& r, In v, Args) { return list_of(r, Items(r, v).take()); }},
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
