#include "text/template/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/template/big_whole.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

constexpr std::size_t kMaxNesting = 200;

Value converted(const nlohmann::ordered_json& json, std::size_t depth) {
  if (depth > kMaxNesting) throw failure("JSON is nested too deeply");
  if (json.is_null()) return None{};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) {
    return whole_of_digits(false, std::to_string(json.get<std::uint64_t>()));
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    std::vector<Value> items;
    for (const auto& item : json) items.push_back(converted(item, depth + 1));
    return Value::list(std::move(items));
  }
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : json.items()) {
    dict->entries.emplace_back(key, converted(value, depth + 1));
  }
  return dict;
}

class Writer {
 public:
  Writer(Render& render, const JsonStyle& style) : render_(render), style_(style) {}

  std::string write(const Value& v) {
    render_.string(0);
    put(v, 0);
    count();
    return std::move(out_);
  }

 private:
  void put(const Value& v, std::size_t depth) {
    if (depth > kMaxNesting) throw failure("a value is nested too deeply for JSON");
    render_.step();
    count();
    if (const std::string* s = v.string()) return put_string(*s);
    if (const List* list = v.list()) return put_list(*list, depth);
    if (const Dict* dict = v.dict()) return put_dict(*dict, depth);
    if (v.is_undefined() || (v.object() != nullptr && !is_big_whole(v))) {
      throw failure(fmt::format("Object of type {} is not JSON serializable", v.type_name()));
    }
    out_ += scalar(v);
  }

  /// Counts what was written since the last time.
  void count() {
    if (out_.size() > render_.limits().bytes) render_.string(out_.size());
    render_.pass(out_.size() - counted_);
    render_.made(out_.size() - counted_);
    counted_ = out_.size();
  }

  std::string scalar(const Value& v) const {
    if (v.is_none()) return "null";
    if (const bool* b = v.boolean()) return *b ? "true" : "false";
    if (const double* d = v.real(); d != nullptr && !std::isfinite(*d)) {
      return std::isnan(*d) ? "NaN" : *d < 0 ? "-Infinity" : "Infinity";
    }
    return to_text(render_, v);
  }

  void put_list(const List& list, std::size_t depth) {
    if (list.items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (const Value& item : list.items) {
      if (&item != list.items.data()) out_ += style_.item_separator;
      new_line(depth + 1);
      put(item, depth + 1);
    }
    new_line(depth);
    out_ += ']';
  }

  void put_dict(const Dict& dict, std::size_t depth) {
    if (dict.entries.empty()) {
      out_ += "{}";
      return;
    }
    const Render::Held held(render_, dict.entries.size() * 2 * sizeof(void*));
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [this](const auto* a, const auto* b) {
        return less(render_, a->first, b->first);
      });
    }
    out_ += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line(depth + 1);
      const Value& key = entries[i]->first;
      put_string(key.string() != nullptr ? *key.string() : scalar(key));
      out_ += style_.key_separator;
      put(entries[i]->second, depth + 1);
    }
    new_line(depth);
    out_ += '}';
  }

  void new_line(std::size_t depth) {
    if (!style_.indent) return;
    out_ += '\n';
    for (std::size_t i = 0; i < depth; ++i) out_ += *style_.indent;
  }

  void put_string(const std::string& text) {
    render_.look(text.size());
    count();
    out_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      if (out_.size() > render_.limits().bytes) count();
      const std::size_t begin = at;
      const char32_t c = decode_utf8(text, at);
      constexpr std::string_view kPlain = "\"\\\n\r\t\b\f";
      constexpr std::string_view kEscapes = "\"\\nrtbf";
      const std::size_t known =
          c < 0x80 ? kPlain.find(static_cast<char>(c)) : std::string_view::npos;
      if (known != std::string_view::npos) {
        out_ += '\\';
        out_ += kEscapes[known];
      } else if (c < 0x20 || (style_.ascii_only && c > 0x7E)) {
        put_escape(c);
      } else {
        out_.append(text, begin, at - begin);
      }
    }
    out_ += '"';
  }

  void put_escape(char32_t c) {
    const auto unit = [this](std::uint32_t u) { out_ += fmt::format("\\u{:04x}", u); };
    if (c < 0x10000) return unit(c);
    unit(0xD800 + ((c - 0x10000) >> 10));
    unit(0xDC00 + ((c - 0x10000) & 0x3FF));
  }

  Render& render_;
  const JsonStyle& style_;
  std::string out_;
  std::size_t counted_ = 0;
};

}  // namespace

Value from_json(const nlohmann::ordered_json& json) { return converted(json, 0); }

std::string to_json(Render& render, const Value& value, const JsonStyle& style) {
  return Writer(render, style).write(value);
}

}  // namespace text::jinja
