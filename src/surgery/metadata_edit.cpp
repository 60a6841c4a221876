#include "surgery/metadata_edit.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "gguf/layout.h"

namespace surgery {
namespace {

using gguf::ValueType;
using nlohmann::json;

base::Error usage(std::string message) {
  return base::Error(base::Fault::bad_usage, std::move(message));
}

std::optional<ValueType> find_type(std::string_view name) {
  for (std::uint32_t i = 0; i <= static_cast<std::uint32_t>(ValueType::f64); ++i) {
    const auto type = static_cast<ValueType>(i);
    if (type != ValueType::arr && gguf::type_name(type) == name) return type;
  }
  return std::nullopt;
}

/// The element type of "arr[u32]".
std::optional<ValueType> find_array_type(std::string_view name) {
  if (!name.starts_with("arr[") || !name.ends_with(']')) return std::nullopt;
  return find_type(name.substr(4, name.size() - 5));
}

base::Error bad_value(ValueType type, std::string_view text, std::string_view expected) {
  return usage(fmt::format("not a value of type {}", gguf::type_name(type)))
      .at("found", fmt::format("\"{}\"", base::printable(text, 60)))
      .expected(expected);
}

template <class T>
gguf::Value number(ValueType type, std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code == std::errc() && stop == end && !text.empty()) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isfinite(value)) return value;
    } else {
      return value;
    }
  }
  if constexpr (std::is_floating_point_v<T>) throw bad_value(type, text, "a finite number");
  throw bad_value(type, text,
                  fmt::format("a whole number from {} to {}", +std::numeric_limits<T>::min(),
                              +std::numeric_limits<T>::max()));
}

gguf::Value boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  throw bad_value(ValueType::boolean, text, "true or false");
}

using ParseValue = gguf::Value (*)(std::string_view);
// In the order of ValueType; null for arrays.
constexpr ParseValue kParsers[] = {
    [](std::string_view s) { return number<std::uint8_t>(ValueType::u8, s); },
    [](std::string_view s) { return number<std::int8_t>(ValueType::i8, s); },
    [](std::string_view s) { return number<std::uint16_t>(ValueType::u16, s); },
    [](std::string_view s) { return number<std::int16_t>(ValueType::i16, s); },
    [](std::string_view s) { return number<std::uint32_t>(ValueType::u32, s); },
    [](std::string_view s) { return number<std::int32_t>(ValueType::i32, s); },
    [](std::string_view s) { return number<float>(ValueType::f32, s); },
    boolean,
    [](std::string_view s) -> gguf::Value { return std::string(s); },
    nullptr,
    [](std::string_view s) { return number<std::uint64_t>(ValueType::u64, s); },
    [](std::string_view s) { return number<std::int64_t>(ValueType::i64, s); },
    [](std::string_view s) { return number<double>(ValueType::f64, s); }};

void append_fixed(gguf::Array& out, const gguf::Value& value) {
  std::visit(
      [&out](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, bool>) {
          out.fixed.push_back(x ? std::byte{1} : std::byte{0});
        } else if constexpr (std::is_arithmetic_v<T>) {
          out.fixed.resize(out.fixed.size() + sizeof(T));
          base::store(out.fixed.data() + out.fixed.size() - sizeof(T), x);
        }
      },
      value);
}

std::string nearest_key(const gguf::Metadata& metadata, std::string_view key) {
  std::vector<std::string_view> keys;
  for (const auto& [name, value] : metadata.pairs()) keys.emplace_back(name);
  return base::did_you_mean(key, keys);
}

const gguf::Value& present(const gguf::Metadata& metadata, const std::string& key) {
  const gguf::Value* value = metadata.find(key);
  if (value != nullptr) return *value;
  throw usage("there is no such key")
      .at("key", base::printable(key))
      .hint(nearest_key(metadata, key));
}

void refuse_structural(std::string_view key) {
  const bool split =
      key == gguf::kSplitNo || key == gguf::kSplitCount || key == gguf::kSplitTensors;
  if (key != gguf::kAlignmentKey && key != gguf::kRoomKey && !split) return;
  throw usage("this key is not for editing")
      .at("key", key)
      .hint(split ? "`quern split` and `quern merge` change split sets"
            : key == gguf::kRoomKey
                ? "it fills the header up; a change with --rewrite leaves it out"
                : "it decides where the data lies; files are written with 32");
}

gguf::Value new_value(const gguf::Metadata& metadata, const MetadataEdit& edit, bool force) {
  const gguf::Value* old = metadata.find(edit.key);
  if (edit.kind == MetadataEdit::Kind::set && edit.type.empty()) {
    // Throws for a key that is not there: its type is not known.
    if (old == nullptr) {
      throw usage("a new key needs a type")
          .at("key", base::printable(edit.key))
          .expected("KEY=TYPE:VALUE")
          .hint(nearest_key(metadata, edit.key));
    }
    const auto* array = std::get_if<gguf::Array>(old);
    if (array != nullptr) return parse_array(array->type, edit.value);
    return parse_value(gguf::type_of(*old), edit.value);
  }
  const std::string type = edit.kind == MetadataEdit::Kind::set ? edit.type : "str";
  if (old != nullptr && type_text(*old) != type && !force) {
    throw usage("the key has another type")
        .at("key", base::printable(edit.key))
        .at("found", type)
        .expected(type_text(*old))
        .hint("programs read keys strictly by type; --force changes it nevertheless");
  }
  if (edit.kind == MetadataEdit::Kind::set_text) return edit.value;
  if (const auto element = find_array_type(type)) return parse_array(*element, edit.value);
  return parse_value(*find_type(type), edit.value);
}

void rename(gguf::Metadata& metadata, const MetadataEdit& edit) {
  static_cast<void>(present(metadata, edit.key));
  refuse_structural(edit.value);
  if (metadata.has(edit.value)) {
    throw usage("the new name is taken").at("key", base::printable(edit.value));
  }
  std::vector<gguf::Metadata::Pair> pairs = metadata.pairs();
  for (auto& [key, value] : pairs) {
    if (key == edit.key) key = edit.value;
  }
  metadata = gguf::Metadata(std::move(pairs));
}

}  // namespace

MetadataEdit parse_set(std::string_view option, std::string_view text) {
  MetadataEdit edit = parse_pair(option, MetadataEdit::Kind::set, text);
  const std::size_t colon = edit.value.find(':');
  if (colon == std::string::npos) return edit;
  const std::string type = edit.value.substr(0, colon);
  if (!find_type(type) && !find_array_type(type)) return edit;  // a colon of the value
  edit.type = type;
  edit.value.erase(0, colon + 1);
  return edit;
}

MetadataEdit parse_pair(std::string_view option, MetadataEdit::Kind kind, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw usage(fmt::format("{}: no key", option))
        .at("found", base::printable(text))
        .expected(kind == MetadataEdit::Kind::rename ? "OLD=NEW"
                  : kind == MetadataEdit::Kind::set  ? "KEY=TYPE:VALUE or KEY=VALUE"
                                                     : "KEY=TEXT");
  }
  return {.kind = kind,
          .key = std::string(text.substr(0, equals)),
          .value = std::string(text.substr(equals + 1))};
}

gguf::Value parse_value(ValueType type, std::string_view text) {
  const ParseValue parse = kParsers[static_cast<std::size_t>(type)];
  if (parse == nullptr) throw usage("an array has a type of its elements, as arr[u32]");
  return parse(text);
}

gguf::Array parse_array(ValueType element, std::string_view text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array()) {
    throw usage("not a list")
        .at("found", fmt::format("\"{}\"", base::printable(text, 60)))
        .expected(element == ValueType::str ? "[\"a\", \"b\"]" : "[1, 2, 3]");
  }
  gguf::Array out;
  out.type = element;
  for (const json& item : list) {
    if (item.is_structured() || item.is_null() || item.is_string() != (element == ValueType::str)) {
      throw bad_value(element, item.dump(), "a list of values of that type");
    }
    const std::string value = item.is_string() ? item.get<std::string>() : item.dump();
    if (element == ValueType::str) {
      out.strings.push_back(value);
    } else {
      append_fixed(out, parse_value(element, value));
    }
  }
  return out;
}

std::string type_text(const gguf::Value& value) {
  const auto* array = std::get_if<gguf::Array>(&value);
  if (array != nullptr) return fmt::format("arr[{}]", gguf::type_name(array->type));
  return std::string(gguf::type_name(gguf::type_of(value)));
}

void apply(gguf::Metadata& metadata, const MetadataEdit& edit, bool force) {
  refuse_structural(edit.key);
  try {
    switch (edit.kind) {
      case MetadataEdit::Kind::set:
      case MetadataEdit::Kind::set_text:
        metadata.set(edit.key, new_value(metadata, edit, force));
        return;
      case MetadataEdit::Kind::rename:
        rename(metadata, edit);
        return;
      case MetadataEdit::Kind::erase:
        static_cast<void>(present(metadata, edit.key));
        metadata.erase(edit.key);
        return;
    }
  } catch (base::Error& e) {
    e.at("key", base::printable(edit.key));
    throw;
  }
}

}  // namespace surgery
