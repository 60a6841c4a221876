// Methods of lists and mappings.
#include "text/template/methods.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/template/arguments.h"
#include "text/template/items.h"
#include "text/template/node.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;

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
  render.items(1);
  items.insert(items.begin() + std::clamp<std::int64_t>(at < 0 ? at + n : at, 0, n), item);
  return None{};
}

constexpr MethodRow kListMethods[] = {
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
       for (In item : Items(r, Bound("extend", {"iterable"}, a).required(0))) {
         insert_item(r, s, static_cast<std::int64_t>(s.list()->items.size()), item);
       }
       return None{};
     }},
    {"pop", pop_item},
    {"index",
     [](Render& r, In s, Args a) -> Value {
       const Bound b("index", {"value", "start", "stop"}, a);
       const std::vector<Value>& all = s.list()->items;
       const auto n = static_cast<std::int64_t>(all.size());
       const auto place = [n](std::int64_t at) {
         return std::clamp<std::int64_t>(at < 0 ? at + n : at, 0, n);
       };
       for (std::int64_t i = place(b.whole(1, 0)); i < place(b.whole(2, n)); ++i) {
         if (equal(r, all[static_cast<std::size_t>(i)], b.required(0))) return i;
       }
       throw failure(to_repr(r, b.required(0)) + " is not in list");
     }},
    {"copy",
     [](Render& r, In s, Args) {
       r.object();
       r.items(s.list()->items.size());
       return Value::list(s.list()->items);
     }},
    {"count",
     [](Render& r, In s, Args a) -> Value {
       const Value item = Bound("count", {"value"}, a).required(0);
       return static_cast<std::int64_t>(std::count_if(s.list()->items.begin(),
                                                      s.list()->items.end(),
                                                      [&](In v) { return equal(r, v, item); }));
     }},
};

constexpr MethodRow kDictMethods[] = {
    {"get",
     [](Render& r, In s, Args a) -> Value {
       const Bound b("get", {"key", "default"}, a);
       if (const Value* found = s.dict()->find(r, b.required(0))) return *found;
       return b.find(1) == nullptr ? Value(None{}) : *b.find(1);
     }},
    {"items", [](Render& r, In s, Args) { return Value::list(pairs_of(r, *s.dict())); }},
    {"keys",
     [](Render& r, In s, Args) {
       r.object();
       return Value::list(iterate(r, s));
     }},
    {"values",
     [](Render& r, In s, Args) {
       r.object();
       r.items(s.dict()->entries.size());
       std::vector<Value> out;
       for (const auto& [key, value] : s.dict()->entries) out.push_back(value);
       return Value::list(std::move(out));
     }},
    {"pop",
     [](Render& r, In s, Args a) -> Value {
       const Bound b("pop", {"key", "default"}, a);
       auto& entries = s.dict()->entries;
       const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& e) {
         return equal(r, e.first, b.required(0));
       });
       if (at != entries.end()) {
         r.step(entries.size() / 8);
         Value out = std::move(at->second);
         entries.erase(at);
         return out;
       }
       if (b.find(1) == nullptr)
         throw failure(to_repr(r, b.required(0)) + " is not in the mapping");
       return *b.find(1);
     }},
    {"copy",
     [](Render& r, In s, Args) -> Value {
       r.object();
       r.items(2 * s.dict()->entries.size());
       auto out = std::make_shared<Dict>();
       out->entries = s.dict()->entries;
       return out;
     }},
    {"update",
     [](Render& r, In s, Args a) -> Value {
       const Value other = Bound("update", {"other"}, a).required(0);
       if (other.dict() == nullptr) throw failure("update() needs a mapping");
       if (other.dict() == s.dict()) return None{};
       for (const auto& [key, value] : other.dict()->entries) {
         refuse_ring(r, s.dict(), value);
         s.dict()->set(r, key, value);
       }
       return None{};
     }},
};

}  // namespace

std::span<const MethodRow> list_methods() noexcept { return kListMethods; }
std::span<const MethodRow> dict_methods() noexcept { return kDictMethods; }

std::vector<Value> pairs_of(Render& render, const Dict& dict) {
  render.object();
  render.items(3 * dict.entries.size());
  render.made(dict.entries.size() * Render::kObjectBytes);
  std::vector<Value> out;
  out.reserve(dict.entries.size());
  for (const auto& [key, value] : dict.entries) out.push_back(Value::tuple({key, value}));
  return out;
}

namespace {

Method find_row(std::span<const MethodRow> rows, std::string_view name) noexcept {
  for (const MethodRow& row : rows) {
    if (row.name == name) return row.method;
  }
  return nullptr;
}

}  // namespace

Method find_method(const Value& self, std::string_view name) noexcept {
  if (const Object* object = self.object()) return object->method(name);
  if (self.string() != nullptr) return find_row(string_methods(), name);
  if (self.dict() != nullptr) return find_row(dict_methods(), name);
  if (self.list() == nullptr) return nullptr;
  const bool reads = name == "index" || name == "count";
  return self.list()->tuple && !reads ? nullptr : find_row(list_methods(), name);
}

}  // namespace text::jinja
