#include "convert/json_file.h"

#include <fmt/format.h>

#include "base/error.h"
#include "convert/wrong_text.h"
#include "tensor/buffer.h"

namespace convert {
namespace {

base::Error too_much(const std::string& name, const std::string& found,
                     const std::string& expected) {
  return base::Error(base::Fault::bad_file, "the file is too large for what it is")
      .at("file", name)
      .at("found", found)
      .at("expected", expected);
}

void require_bytes(std::size_t bytes, const std::string& name, std::size_t most) {
  if (bytes <= most) return;
  throw too_much(name, fmt::format("{} bytes", bytes), fmt::format("at most {} MiB", most >> 20));
}

/// The byte behind a string whose opening quote stands at `i`.
std::size_t behind_string(std::string_view text, std::size_t i) {
  for (++i; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\') ++i;
  }
  return i + 1;
}

}  // namespace

// Up to the first mistake, which the parser finds, a text is cut here as the parser cuts it.
void require_limits(std::string_view text, const std::string& name, const JsonLimits& limits) {
  require_bytes(text.size(), name, limits.bytes);
  // At most: every opening and every comma brings one.
  std::size_t depth = 0, values = 1;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      i = behind_string(text, i);
      continue;
    }
    const bool opens = c == '[' || c == '{';
    if (opens && ++depth > limits.depth) {
      throw base::Error(base::Fault::bad_file, "lists and objects are nested too deeply")
          .at("file", name)
          .at("offset", i)
          .at("found", fmt::format("more than {} levels", limits.depth))
          .at("expected", fmt::format("at most {} levels", limits.depth));
    }
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if ((opens || c == ',') && ++values > limits.values) {
      throw too_much(name, fmt::format("more than {} values", limits.values),
                     fmt::format("at most {} values", limits.values))
          .at("offset", i);
    }
    ++i;
  }
}

std::string read_text(const std::filesystem::path& path, std::size_t most) {
  const tensor::Mapping mapping(path);
  const auto bytes = mapping.bytes();
  require_bytes(bytes.size(), path.string(), most);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

nlohmann::json parse_json(std::string_view text, const std::string& name,
                          const JsonLimits& limits) {
  require_limits(text, name, limits);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw json_error(text, e.byte, e.what()).at("file", name);
  } catch (const nlohmann::json::out_of_range&) {
    throw base::Error(base::Fault::bad_file, "a number in the JSON file is out of range")
        .at("file", name);
  }
}

nlohmann::json read_json(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_text(path, limits.bytes), path.string(), limits);
}

const nlohmann::json* member(const nlohmann::json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::string word(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool flag(const nlohmann::json& object, std::string_view key, bool fallback) {
  const nlohmann::json* value = member(object, key);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : fallback;
}

}  // namespace convert
