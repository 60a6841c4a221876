#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "text/template/render.h"
#include "text/template/value.h"

namespace text::jinja {

Value from_json(const nlohmann::ordered_json& json);

struct JsonStyle {
  std::optional<std::string> indent;  ///< of one level
  bool ascii_only = false;
  bool sort_keys = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

/// Python's json.dumps. Throws for undefined values and objects.
std::string to_json(Render& render, const Value& value, const JsonStyle& style);

}  // namespace text::jinja
