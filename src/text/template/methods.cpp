// Methods of strings, lists and mappings.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/arguments.h"
#include "text/template/node.h"
#include "text/template/percent_format.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;

struct Row {
  std::string_view name;
  Method method;
};

Value list_of(std::vector<std::string> texts) {
  std::vector<Value> out;
  out.reserve(texts.size());
  for (std::string& text : texts) out.emplace_back(std::move(text));
  return Value::list(std::move(out));
}

Value text_of(Render& render, std::string text) {
  render.string(text.size());
  return text;
}

Value stripped(Render& render, In self, Args a, bool left, bool right) {
  const auto set = Bound("strip", {"chars"}, a).optional_text(0);
  const std::optional<std::string_view> view =
      set ? std::optional<std::string_view>(*set) : std::nullopt;
  return text_of(render, std::string(strip(*self.string(), view, left, right)));
}

/// startswith and endswith take one string or a tuple of them.
template <class Holds>
bool any_of_texts(std::string_view name, Args a, Holds holds) {
  const Value given = Bound(name, {"prefix"}, a).required(0);
  if (given.list() == nullptr || !given.list()->tuple) {
    if (given.string() == nullptr) {
      throw failure(fmt::format("{} first arg must be str or a tuple of str, not {}", name,
                                given.type_name()));
    }
    return holds(*given.string());
  }
  return std::any_of(given.list()->items.begin(), given.list()->items.end(),
                     [&](In v) { return v.string() != nullptr && holds(*v.string()); });
}

/// A place in bytes as a place in characters.
Value character_place(std::string_view text, std::size_t at) {
  if (at == std::string_view::npos) return std::int64_t{-1};
  return static_cast<std::int64_t>(characters(text.substr(0, at)).size());
}

Value split_text(Render& render, In self, Args a) {
  const Bound b("split", {"sep", "maxsplit"}, a);
  const auto separator = b.optional_text(0);
  if (separator && separator->empty()) throw failure("empty separator");
  render.string(self.string()->size());
  const std::optional<std::string_view> view =
      separator ? std::optional<std::string_view>(*separator) : std::nullopt;
  return list_of(split(*self.string(), view, b.whole(1, -1)));
}

Value rsplit_text(Render& render, In self, Args a) {
  const Bound b("rsplit", {"sep", "maxsplit"}, a);
  const auto separator = b.optional_text(0);
  if (!separator || separator->empty()) throw failure("rsplit() needs a separator");
  render.string(self.string()->size());
  return list_of(split_from_right(*self.string(), *separator, b.whole(1, -1)));
}

Value partition(In self, Args a, bool from_right) {
  const std::string& text = *self.string();
  const std::string separator = Bound("partition", {"sep"}, a).text(0);
  if (separator.empty()) throw failure("empty separator");
  const std::size_t at = from_right ? text.rfind(separator) : text.find(separator);
  if (at == std::string::npos) {
    return from_right ? Value::tuple({"", "", text}) : Value::tuple({text, "", ""});
  }
  return Value::tuple({text.substr(0, at), separator, text.substr(at + separator.size())});
}

std::int64_t occurrences(std::string_view text, std::string_view part) {
  std::int64_t n = 0;
  if (part.empty()) return static_cast<std::int64_t>(characters(text).size()) + 1;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size())
    ++n;
  return n;
}

bool all_characters(std::string_view text, bool (*holds)(std::string_view)) {
  const auto all = characters(text);
  return !all.empty() && std::all_of(all.begin(), all.end(), holds);
}
bool is_digit(std::string_view c) { return c.size() == 1 && c[0] >= '0' && c[0] <= '9'; }
bool is_blank(std::string_view c) { return strip(c, std::nullopt, true, true).empty(); }

constexpr Row kStringMethods[] = {
    {"strip", [](Render& r, In s, Args a) { return stripped(r, s, a, true, true); }},
    {"lstrip", [](Render& r, In s, Args a) { return stripped(r, s, a, true, false); }},
    {"rstrip", [](Render& r, In s, Args a) { return stripped(r, s, a, false, true); }},
    {"split", split_text},
    {"rsplit", rsplit_text},
    {"splitlines",
     [](Render& r, In s, Args a) {
       r.string(s.string()->size());
       return list_of(
           split_lines(*s.string(), Bound("splitlines", {"keepends"}, a).flag(0, false)));
     }},
    {"partition", [](Render&, In s, Args a) { return partition(s, a, false); }},
    {"rpartition", [](Render&, In s, Args a) { return partition(s, a, true); }},
    {"startswith",
     [](Render&, In s, Args a) -> Value {
       return any_of_texts("startswith", a,
                           [&](std::string_view p) { return s.string()->starts_with(p); });
     }},
    {"endswith",
     [](Render&, In s, Args a) -> Value {
       return any_of_texts("endswith", a,
                           [&](std::string_view p) { return s.string()->ends_with(p); });
     }},
    {"removeprefix",
     [](Render& r, In s, Args a) {
       const std::string part = Bound("removeprefix", {"prefix"}, a).text(0);
       return text_of(r, s.string()->substr(s.string()->starts_with(part) ? part.size() : 0));
     }},
    {"removesuffix",
     [](Render& r, In s, Args a) {
       const std::string part = Bound("removesuffix", {"suffix"}, a).text(0);
       const std::size_t cut = s.string()->ends_with(part) ? part.size() : 0;
       return text_of(r, s.string()->substr(0, s.string()->size() - cut));
     }},
    {"replace",
     [](Render& r, In s, Args a) {
       const Bound b("replace", {"old", "new", "count"}, a);
       const std::string to = b.text(1);
       r.string((s.string()->size() + 1) * (to.size() + 1) > r.limits().bytes * 64
                    ? r.limits().bytes + 1
                    : s.string()->size());
       return text_of(r, replaced(*s.string(), b.text(0), to, b.whole(2, -1)));
     }},
    {"upper", [](Render& r, In s, Args) { return text_of(r, upper(*s.string())); }},
    {"lower", [](Render& r, In s, Args) { return text_of(r, lower(*s.string())); }},
    {"casefold", [](Render& r, In s, Args) { return text_of(r, lower(*s.string())); }},
    {"title", [](Render& r, In s, Args) { return text_of(r, titled(*s.string())); }},
    {"capitalize", [](Render& r, In s, Args) { return text_of(r, capitalized(*s.string())); }},
    {"find",
     [](Render&, In s, Args a) {
       return character_place(*s.string(), s.string()->find(Bound("find", {"sub"}, a).text(0)));
     }},
    {"rfind",
     [](Render&, In s, Args a) {
       return character_place(*s.string(), s.string()->rfind(Bound("rfind", {"sub"}, a).text(0)));
     }},
    {"count",
     [](Render&, In s, Args a) -> Value {
       return occurrences(*s.string(), Bound("count", {"sub"}, a).text(0));
     }},
    {"isdigit", [](Render&, In s, Args) -> Value { return all_characters(*s.string(), is_digit); }},
    {"isspace", [](Render&, In s, Args) -> Value { return all_characters(*s.string(), is_blank); }},
    {"join",
     [](Render& r, In s, Args a) {
       std::string out;
       bool first = true;
       for (In item : iterate(Bound("join", {"iterable"}, a).required(0))) {
         if (item.string() == nullptr) {
           throw failure(
               fmt::format("sequence item: expected str instance, {} found", item.type_name()));
         }
         if (!std::exchange(first, false)) out += *s.string();
         out += *item.string();
         r.string(out.size() > r.limits().bytes ? out.size() : item.string()->size());
       }
       return Value(std::move(out));
     }},
    {"format", [](Render& r, In s, Args a) { return text_of(r, brace_format(*s.string(), a)); }},
};

Value pop_item(Render& render, In self, Args a) {
  std::vector<Value>& items = self.list()->items;
  const std::int64_t given = Bound("pop", {"index"}, a).whole(0, -1);
  const auto n = static_cast<std::int64_t>(items.size());
  const std::int64_t at = given < 0 ? given + n : given;
  if (at < 0 || at >= n) throw failure("pop index out of range");
  render.step(static_cast<std::size_t>(n - at));
  Value out = std::move(items[static_cast<std::size_t>(at)]);
  items.erase(items.begin() + at);
  return out;
}

Value insert_item(Render& render, In self, std::int64_t at, In item) {
  refuse_ring(render, self.list(), item);
  std::vector<Value>& items = self.list()->items;
  const auto n = static_cast<std::int64_t>(items.size());
  render.step(items.size() / 64);
  items.insert(items.begin() + std::clamp<std::int64_t>(at < 0 ? at + n : at, 0, n), item);
  return None{};
}

constexpr Row kListMethods[] = {
    {"append",
     [](Render& r, In s, Args a) {
       const auto end = static_cast<std::int64_t>(s.list()->items.size());
       return insert_item(r, s, end, Bound("append", {"object"}, a).required(0));
     }},
    {"insert",
     [](Render& r, In s, Args a) {
       const Bound b("insert", {"index", "object"}, a);
       b.required(0);
       return insert_item(r, s, b.whole(0, 0), b.required(1));
     }},
    {"extend",
     [](Render& r, In s, Args a) -> Value {
       for (In item : iterate(Bound("extend", {"iterable"}, a).required(0))) {
         insert_item(r, s, static_cast<std::int64_t>(s.list()->items.size()), item);
       }
       return None{};
     }},
    {"pop", pop_item},
    {"index",
     [](Render& r, In s, Args a) -> Value {
       const Value item = Bound("index", {"value"}, a).required(0);
       r.step(s.list()->items.size());
       for (std::size_t i = 0; i < s.list()->items.size(); ++i) {
         if (equal(s.list()->items[i], item)) return static_cast<std::int64_t>(i);
       }
       throw failure(to_repr(item) + " is not in list");
     }},
    {"count",
     [](Render& r, In s, Args a) -> Value {
       const Value item = Bound("count", {"value"}, a).required(0);
       r.step(s.list()->items.size());
       return static_cast<std::int64_t>(std::count_if(
           s.list()->items.begin(), s.list()->items.end(), [&](In v) { return equal(v, item); }));
     }},
};

constexpr Row kDictMethods[] = {
    {"get",
     [](Render&, In s, Args a) -> Value {
       const Bound b("get", {"key", "default"}, a);
       if (const Value* found = s.dict()->find(b.required(0))) return *found;
       return b.find(1) == nullptr ? Value(None{}) : *b.find(1);
     }},
    {"items",
     [](Render& r, In s, Args) {
       std::vector<Value> out;
       for (const auto& [key, value] : s.dict()->entries) out.push_back(Value::tuple({key, value}));
       r.step(out.size());
       return Value::list(std::move(out));
     }},
    {"keys",
     [](Render& r, In s, Args) {
       r.step(s.dict()->entries.size());
       return Value::list(iterate(s));
     }},
    {"values",
     [](Render& r, In s, Args) {
       std::vector<Value> out;
       for (const auto& [key, value] : s.dict()->entries) out.push_back(value);
       r.step(out.size());
       return Value::list(std::move(out));
     }},
    {"pop",
     [](Render&, In s, Args a) -> Value {
       const Bound b("pop", {"key", "default"}, a);
       auto& entries = s.dict()->entries;
       const auto at = std::find_if(entries.begin(), entries.end(),
                                    [&](const auto& e) { return equal(e.first, b.required(0)); });
       if (at != entries.end()) {
         Value out = std::move(at->second);
         entries.erase(at);
         return out;
       }
       if (b.find(1) == nullptr) throw failure(to_repr(b.required(0)) + " is not in the mapping");
       return *b.find(1);
     }},
    {"update",
     [](Render& r, In s, Args a) -> Value {
       const Value other = Bound("update", {"other"}, a).required(0);
       if (other.dict() == nullptr) throw failure("update() needs a mapping");
       if (other.dict() == s.dict()) return None{};
       for (const auto& [key, value] : other.dict()->entries) {
         refuse_ring(r, s.dict(), value);
         s.dict()->set(key, value);
       }
       return None{};
     }},
};

template <std::size_t N>
Method find_row(const Row (&rows)[N], std::string_view name) noexcept {
  for (const Row& row : rows) {
    if (row.name == name) return row.method;
  }
  return nullptr;
}

}  // namespace

Method find_method(const Value& self, std::string_view name) noexcept {
  if (self.string() != nullptr) return find_row(kStringMethods, name);
  if (self.dict() != nullptr) return find_row(kDictMethods, name);
  if (self.list() == nullptr) return nullptr;
  const bool reads = name == "index" || name == "count";
  return self.list()->tuple && !reads ? nullptr : find_row(kListMethods, name);
}

}  // namespace text::jinja
