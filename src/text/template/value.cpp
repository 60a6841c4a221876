#include "text/template/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/template/big_whole.h"
#include "text/template/iteration.h"
#include "text/template/render.h"
#include "text/template/strings.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

constexpr int kMaxNesting = 200;

void check_nesting(int depth) {
  if (depth > kMaxNesting) throw failure("a value is nested too deeply");
}

bool equal_at(Render& render, const Value& a, const Value& b, int depth);

bool equal_texts(Render& render, std::string_view a, std::string_view b) {
  if (a.size() != b.size() || a.data() == b.data()) return a.size() == b.size();
  if (a.size() >= 64) render.pass(a.size());
  return a == b;
}

bool equal_lists(Render& render, const List& a, const List& b, int depth) {
  if (a.tuple != b.tuple || a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!equal_at(render, a.items[i], b.items[i], depth)) return false;
  }
  return true;
}

bool equal_dicts(Render& render, const Dict& a, const Dict& b, int depth) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.find(render, key);
    if (other == nullptr || !equal_at(render, value, *other, depth)) return false;
  }
  return true;
}

bool equal_at(Render& render, const Value& a, const Value& b, int depth) {
  check_nesting(depth);
  render.step();
  if (a.is_whole() && b.is_whole()) return a.whole() == b.whole();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.string() != nullptr && b.string() != nullptr) {
    return equal_texts(render, *a.string(), *b.string());
  }
  if (a.list() != nullptr && b.list() != nullptr) {
    return a.list() == b.list() || equal_lists(render, *a.list(), *b.list(), depth + 1);
  }
  if (a.dict() != nullptr && b.dict() != nullptr) {
    return a.dict() == b.dict() || equal_dicts(render, *a.dict(), *b.dict(), depth + 1);
  }
  if (a.object() != nullptr && b.object() != nullptr) return a.object()->equals(*b.object());
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

void put_repr(Render& render, const Value& v, int depth, std::string& out);

void put_list(Render& render, const List& list, int depth, std::string& out) {
  out += list.tuple ? '(' : '[';
  for (const Value& item : list.items) {
    if (&item != list.items.data()) out += ", ";
    put_repr(render, item, depth, out);
  }
  if (list.tuple && list.items.size() == 1) out += ',';
  out += list.tuple ? ')' : ']';
}

void put_dict(Render& render, const Dict& dict, int depth, std::string& out) {
  out += '{';
  for (const auto& entry : dict.entries) {
    if (&entry != dict.entries.data()) out += ", ";
    put_repr(render, entry.first, depth, out);
    out += ": ";
    put_repr(render, entry.second, depth, out);
  }
  out += '}';
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  return (category(c) & (kCategoryOther | kCategorySeparator | 1U)) == 0 && category(c) != 0;
}

void put_escaped(char32_t c, std::string& out) {
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (is_printable(c)) {
    append_utf8(c, out);
  } else if (c < 0x100) {
    out += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c));
  } else if (c < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(c));
  }
}

std::string repr_string(const std::string& text) {
  const bool both = text.find('\'') != std::string::npos;
  const char quote = both && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    if (c == '\\' || c == static_cast<unsigned char>(quote)) out += '\\';
    put_escaped(c, out);
  }
  return out + quote;
}

void put_repr(Render& render, const Value& v, int depth, std::string& out) {
  check_nesting(depth);
  // A printed form may repeat shared lists: what it becomes is counted as it grows.
  render.step();
  if (out.size() > render.limits().bytes) render.string(out.size());
  if (const std::string* s = v.string()) {
    render.step(1 + s->size() / 4);
    out += repr_string(*s);
  } else if (const List* list = v.list()) {
    put_list(render, *list, depth + 1, out);
  } else if (const Dict* dict = v.dict()) {
    put_dict(render, *dict, depth + 1, out);
  } else {
    out += v.is_undefined() ? "Undefined" : to_text(render, v);
  }
}

bool holds(Render& render, const Value& v, const void* what, int depth) {
  check_nesting(depth);
  render.step();
  const auto any = [&](const std::vector<Value>& values) {
    return std::any_of(values.begin(), values.end(),
                       [&](const Value& item) { return holds(render, item, what, depth + 1); });
  };
  if (const List* list = v.list()) return list == what || any(list->items);
  if (const Dict* dict = v.dict()) {
    return dict == what ||
           std::any_of(dict->entries.begin(), dict->entries.end(), [&](const auto& entry) {
             return holds(render, entry.second, what, depth + 1);
           });
  }
  if (const Object* object = v.object()) return object == what || any(object->held());
  return false;
}

}  // namespace

base::Error failure(const std::string& message) {
  return base::Error(base::Fault::bad_input, message);
}

std::vector<Value> Object::held() const { return {}; }
std::optional<Value> Object::attribute(Render&, std::string_view) const { return std::nullopt; }

Value Object::item(std::size_t) const { return {}; }
std::optional<Value> Object::next(Render&) { return std::nullopt; }
Value Object::part(std::int64_t, std::int64_t, std::size_t) const {
  throw failure(fmt::format("'{}' object is not subscriptable", type_name()));
}
std::string Object::text() const { return fmt::format("<{}>", type_name()); }

Value Object::call(Render&, const Arguments&) {
  throw failure(fmt::format("'{}' object is not callable", type_name()));
}

List::List(std::vector<Value> values, bool is_tuple) : items(std::move(values)), tuple(is_tuple) {}
List::~List() { Value::destroy(std::move(items)); }

Dict::Dict() = default;
Dict::~Dict() {
  std::vector<Value> values;
  for (auto& entry : entries) values.push_back(std::move(entry.second));
  Value::destroy(std::move(values));
}

void Value::destroy(std::vector<Value> values) {
  while (!values.empty()) {
    const Value v = std::move(values.back());
    values.pop_back();
    std::vector<Value> inner;
    if (v.sole_owner<ListPtr>()) inner = std::move(v.list()->items);
    if (v.sole_owner<DictPtr>()) {
      for (auto& entry : v.dict()->entries) inner.push_back(std::move(entry.second));
      v.dict()->entries.clear();
    }
    if (v.sole_owner<ObjectPtr>()) {
      inner = v.object()->held();
      v.object()->release();
    }
    values.insert(values.end(), std::make_move_iterator(inner.begin()),
                  std::make_move_iterator(inner.end()));
  }
}

const Value* Dict::find(Render& render, const Value& key) const {
  if (const std::string* text = key.string()) return find(render, std::string_view(*text));
  for (const auto& entry : entries) {
    if (equal(render, entry.first, key)) return &entry.second;
  }
  return nullptr;
}

const Value* Dict::find(Render& render, std::string_view key) const {
  render.step(entries.size() / 8);
  for (const auto& entry : entries) {
    const std::string* text = entry.first.string();
    if (text != nullptr && equal_texts(render, *text, key)) return &entry.second;
  }
  return nullptr;
}

void Dict::set(Render& render, Value key, Value value) {
  if (key.list() != nullptr || key.dict() != nullptr) {
    throw failure(fmt::format("unhashable type: '{}'", key.type_name()));
  }
  if (const Value* known = find(render, key)) {
    *const_cast<Value*>(known) = std::move(value);
  } else {
    render.items(2);
    entries.emplace_back(std::move(key), std::move(value));
  }
}

Value Value::undefined(std::string name) {
  Value v;
  v.data_ = Undefined{std::make_shared<const std::string>(std::move(name))};
  return v;
}

std::int64_t Value::whole() const noexcept {
  if (const bool* b = boolean()) return *b ? 1 : 0;
  const std::int64_t* i = integer();
  return i == nullptr ? 0 : *i;
}

double Value::number() const noexcept {
  const double* d = real();
  return d == nullptr ? static_cast<double>(whole()) : *d;
}

std::string_view Value::type_name() const noexcept {
  if (const List* l = list()) return l->tuple ? "tuple" : "list";
  if (const Object* o = object()) return o->type_name();
  constexpr std::string_view kNames[] = {"Undefined", "NoneType", "bool", "int",   "float",
                                         "str",       "list",     "dict", "object"};
  return kNames[data_.index()];
}

bool truth(const Value& v) {
  if (v.is_undefined() || v.is_none()) return false;
  if (v.is_number()) return v.number() != 0;
  if (const std::string* s = v.string()) return !s->empty();
  if (const List* list = v.list()) return !list->items.empty();
  if (const Dict* dict = v.dict()) return !dict->entries.empty();
  return v.object()->size() != std::size_t{0};
}

bool equal(Render& render, const Value& a, const Value& b) { return equal_at(render, a, b, 0); }

bool less(Render& render, const Value& a, const Value& b) {
  render.step();
  if (a.is_whole() && b.is_whole()) return a.whole() < b.whole();
  if (a.is_number() && b.is_number()) return a.number() < b.number();
  if (a.string() != nullptr && b.string() != nullptr) {
    render.pass(std::min(a.string()->size(), b.string()->size()));
    return *a.string() < *b.string();
  }
  if (a.list() != nullptr && b.list() != nullptr && a.list()->tuple == b.list()->tuple) {
    const std::vector<Value>& x = a.list()->items;
    const std::vector<Value>& y = b.list()->items;
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!equal(render, x[i], y[i])) return less(render, x[i], y[i]);
    }
    return x.size() < y.size();
  }
  for (const Value& v : {a, b}) {
    if (is_big_whole(v)) throw failure("a whole number does not fit 64 bits");
    if (v.is_undefined()) throw failure(fmt::format("'{}' is undefined", v.undefined_name()));
  }
  throw failure(fmt::format("'<' not supported between instances of '{}' and '{}'", a.type_name(),
                            b.type_name()));
}

std::string float_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[64];
  const int exponent = d == 0 ? 0 : static_cast<int>(std::floor(std::log10(std::fabs(d))));
  const bool plain = exponent >= -4 && exponent < 16;
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto [end, code] = std::to_chars(buffer, buffer + sizeof buffer, d, format);
  std::string out(buffer, end);
  if (plain && out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string to_text(Render& render, const Value& v) {
  if (const std::string* s = v.string()) {
    render.pass(s->size());
    return *s;
  }
  if (v.is_undefined()) return "";
  if (v.is_none()) return "None";
  if (const bool* b = v.boolean()) return *b ? "True" : "False";
  if (const std::int64_t* i = v.integer()) return fmt::format("{}", *i);
  if (const double* d = v.real()) return float_text(*d);
  if (const Object* o = v.object()) return o->text();
  return to_repr(render, v);
}

std::string to_repr(Render& render, const Value& v) {
  std::string out;
  put_repr(render, v, 0, out);
  return out;
}

bool is_sequence(const Value& v) noexcept {
  if (const Object* o = v.object()) return o->size().has_value();
  return v.is_undefined() || v.string() != nullptr || v.list() != nullptr || v.dict() != nullptr;
}

bool is_iterable(const Value& v) noexcept {
  return is_sequence(v) || (v.object() != nullptr && v.object()->iterable());
}

std::size_t iterated_bytes(const Value& v, std::size_t n) noexcept {
  return n * (v.string() != nullptr ? Render::kCharacterBytes : Render::kItemBytes);
}

std::vector<Value> iterate(Render& render, const Value& v) {
  if (const List* list = v.list()) {
    render.step(list->items.size());
    render.made(iterated_bytes(v, list->items.size()));
    return list->items;
  }
  std::vector<Value> out;
  const auto prepare = [&](std::size_t work, std::size_t n) {
    render.step(work);
    render.made(n > render.limits().memory ? n : iterated_bytes(v, n));
    out.reserve(n);
  };
  if (const std::string* s = v.string()) {
    prepare(s->size(), n_characters(*s));
  } else if (is_sequence(v)) {
    prepare(length(render, v), length(render, v));
  }
  const bool counted = is_sequence(v);
  for (Source source(v);;) {
    std::optional<Value> item = source.next(render);
    if (!item) return out;
    if (!counted) render.items(1);
    out.push_back(*std::move(item));
  }
}

std::size_t length(Render& render, const Value& v) {
  if (v.is_undefined()) return 0;
  if (const List* list = v.list()) return list->items.size();
  if (const Dict* dict = v.dict()) return dict->entries.size();
  if (const std::string* s = v.string()) {
    render.look(s->size());
    return n_characters(*s);
  }
  if (const Object* o = v.object(); o != nullptr && o->size()) return *o->size();
  throw failure(fmt::format("object of type '{}' has no len()", v.type_name()));
}

bool contains(Render& render, const Value& container, const Value& item) {
  if (container.is_undefined()) return false;
  if (const Dict* dict = container.dict()) return dict->find(render, item) != nullptr;
  if (const List* list = container.list()) {
    return std::any_of(list->items.begin(), list->items.end(),
                       [&](const Value& v) { return equal(render, v, item); });
  }
  if (const std::string* s = container.string()) {
    if (const std::string* part = item.string()) {
      render.look(s->size() + part->size());
      return find_text(*s, *part) != std::string::npos;
    }
    throw failure(
        fmt::format("'in <string>' requires string as left operand, not {}", item.type_name()));
  }
  if (is_iterable(container)) {
    for (Source source(container);;) {
      const std::optional<Value> one = source.next(render);
      if (!one || equal(render, *one, item)) return one.has_value();
    }
  }
  throw failure(fmt::format("argument of type '{}' is not iterable", container.type_name()));
}

void refuse_ring(Render& render, const void* holder, const Value& value) {
  if (holds(render, value, holder, 0)) throw failure("a value cannot hold itself");
}

}  // namespace text::jinja
