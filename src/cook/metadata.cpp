#include "cook/metadata.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "gguf/layout.h"
#include "gguf/split.h"

namespace cook {
namespace {

constexpr std::size_t kMaxKeyBytes = 127;   // the public programs keep both in 128 bytes
constexpr std::size_t kMaxTextBytes = 127;  // with a terminator

base::Error bad_override(std::string_view text, std::string_view why) {
  return base::Error(base::Fault::bad_usage, fmt::format("--override-kv: {}", why))
      .at("found", text)
      .expected("KEY=int|float|bool|str:VALUE");
}

template <class T>
T parse_value(std::string_view whole, std::string_view text) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) {
    throw bad_override(whole, "not a number of this kind");
  }
  return value;
}

base::Error wrong_type(const Override& o, std::string_view has) {
  return base::Error(base::Fault::bad_usage, "--override-kv: the value does not fit the key")
      .at("key", o.key)
      .expected(fmt::format("a value of type {}, which the key has in the input", has));
}

template <class T>
gguf::Value narrow(const Override& o, gguf::ValueType type) {
  if (!std::in_range<T>(o.integer)) throw wrong_type(o, gguf::type_name(type));
  return static_cast<T>(o.integer);
}

gguf::Value integer_as(const Override& o, gguf::ValueType type) {
  using gguf::ValueType;
  switch (type) {
    case ValueType::u8:
      return narrow<std::uint8_t>(o, type);
    case ValueType::i8:
      return narrow<std::int8_t>(o, type);
    case ValueType::u16:
      return narrow<std::uint16_t>(o, type);
    case ValueType::i16:
      return narrow<std::int16_t>(o, type);
    case ValueType::u32:
      return narrow<std::uint32_t>(o, type);
    case ValueType::i32:
      return narrow<std::int32_t>(o, type);
    case ValueType::u64:
      return narrow<std::uint64_t>(o, type);
    case ValueType::i64:
      return o.integer;
    default:
      throw wrong_type(o, gguf::type_name(type));
  }
}

gguf::Value value_as(const Override& o, gguf::ValueType type) {
  using gguf::ValueType;
  switch (o.kind) {
    case Override::Kind::integer:
      return integer_as(o, type);
    case Override::Kind::number:
      if (type == ValueType::f32) return static_cast<float>(o.number);
      if (type == ValueType::f64) return o.number;
      break;
    case Override::Kind::boolean:
      if (type == ValueType::boolean) return o.boolean;
      break;
    case Override::Kind::text:
      if (type == ValueType::str) return o.text;
      break;
  }
  throw wrong_type(o, gguf::type_name(type));
}

gguf::ValueType type_for_new_key(const Override& o) noexcept {
  using gguf::ValueType;
  switch (o.kind) {
    case Override::Kind::integer:
      return o.integer < 0 ? ValueType::i32 : ValueType::u32;
    case Override::Kind::number:
      return ValueType::f32;
    case Override::Kind::boolean:
      return ValueType::boolean;
    case Override::Kind::text:
      break;
  }
  return ValueType::str;
}

/// ik replaces a key where it stands; llama.cpp removes it and appends.
class KeyWriter {
 public:
  KeyWriter(recipe::Policy policy, gguf::Metadata& metadata)
      : policy_(policy), metadata_(metadata) {}

  void set(std::string_view key, gguf::Value value) {
    if (policy_ == recipe::Policy::mainline) metadata_.erase(key);
    metadata_.set(key, std::move(value));
  }
  void override_with(const Override& o) {
    apply_override(metadata_, o);
    if (policy_ != recipe::Policy::mainline) return;
    gguf::Value value = *metadata_.find(o.key);
    set(o.key, std::move(value));
  }
  void set_count(std::string_view key, std::size_t count) {
    const std::size_t most = std::numeric_limits<std::int32_t>::max();
    const auto value = static_cast<std::int32_t>(std::min(count, most));
    if (policy_ == recipe::Policy::mainline) {
      set(key, static_cast<std::uint32_t>(value));
    } else {
      set(key, value);
    }
  }

 private:
  recipe::Policy policy_;
  gguf::Metadata& metadata_;
};

void set_importance_keys(KeyWriter& writer, const ImportanceKeys& keys) {
  const std::string_view secret = "top_secret";
  const auto text = [&](const std::string& value) {
    return std::string(keys.hidden ? secret : std::string_view(value).substr(0, kMaxTextBytes));
  };
  writer.set("quantize.imatrix.file", text(keys.file));
  if (!keys.dataset.empty()) writer.set("quantize.imatrix.dataset", text(keys.dataset));
  writer.set_count("quantize.imatrix.entries_count", keys.hidden ? 0 : keys.n_entries);
  if (keys.n_chunks > 0) {
    writer.set_count("quantize.imatrix.chunks_count", keys.hidden ? 0 : keys.n_chunks);
  }
}

}  // namespace

Override parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':', equals == std::string_view::npos ? 0 : equals);
  if (equals == std::string_view::npos || equals == 0 || colon == std::string_view::npos) {
    throw bad_override(text, "not an override");
  }
  Override out;
  out.key = text.substr(0, equals);
  const std::string_view type = text.substr(equals + 1, colon - equals - 1);
  const std::string_view value = text.substr(colon + 1);
  if (out.key.size() > kMaxKeyBytes) throw bad_override(text, "the key is longer than 127 bytes");
  if (type == "int") {
    out.kind = Override::Kind::integer;
    out.integer = parse_value<std::int64_t>(text, value);
  } else if (type == "float") {
    out.kind = Override::Kind::number;
    out.number = parse_value<double>(text, value);
    if (!std::isfinite(out.number)) throw bad_override(text, "not a finite number");
  } else if (type == "bool") {
    out.kind = Override::Kind::boolean;
    if (value != "true" && value != "false") throw bad_override(text, "not true or false");
    out.boolean = value == "true";
  } else if (type == "str") {
    out.kind = Override::Kind::text;
    if (value.size() > kMaxTextBytes) throw bad_override(text, "text longer than 127 bytes");
    out.text = value;
  } else {
    throw bad_override(text, "unknown type");
  }
  return out;
}

void apply_override(gguf::Metadata& metadata, const Override& override_value) {
  const gguf::Value* present = metadata.find(override_value.key);
  const gguf::ValueType type =
      present == nullptr ? type_for_new_key(override_value) : gguf::type_of(*present);
  metadata.set(override_value.key, value_as(override_value, type));
}

gguf::Metadata output_metadata(recipe::Policy policy, const gguf::Metadata& input,
                               const std::vector<Override>& overrides,
                               const std::optional<ImportanceKeys>& importance,
                               std::uint32_t file_type) {
  gguf::Metadata out = input;
  out.erase("general.alignment");
  out.erase(gguf::kRoomKey);
  KeyWriter writer(policy, out);
  writer.set("general.quantization_version", std::uint32_t{2});
  if (policy == recipe::Policy::mainline) writer.set("general.file_type", file_type);
  gguf::erase_split_keys(out);
  for (const Override& o : overrides) writer.override_with(o);
  if (importance) set_importance_keys(writer, *importance);
  if (policy == recipe::Policy::ik) writer.set("general.file_type", file_type);
  return out;
}

}  // namespace cook
