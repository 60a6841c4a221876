#include "model/hf_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/printable.h"

namespace model {
namespace {

/// Short text of a value for messages; containers are not written out (they may be deep).
std::string shown(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return base::printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

bool fits_count(const nlohmann::json& value) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned()) {
    return value.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
  }
  return value.get<std::int64_t>() >= 0;
}

}  // namespace

HfConfig::HfConfig(nlohmann::json object, std::string place)
    : object_(std::move(object)), place_(std::move(place)) {
  if (object_.is_object()) return;
  throw base::Error(base::Fault::bad_file, "not a JSON object")
      .at("key", place_.empty() ? "(whole file)" : place_)
      .at("found", shown(object_));
}

const nlohmann::json* HfConfig::find(std::string_view key) const {
  const auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}
bool HfConfig::has(std::string_view key) const { return find(key) != nullptr; }

std::string HfConfig::path(std::string_view key) const {
  const auto origin = origins_.find(key);
  return origin == origins_.end() ? fmt::format("{}{}", place_, key) : origin->second;
}

void HfConfig::missing(std::string_view key) const {
  throw base::Error(base::Fault::bad_file, "config.json lacks a key").at("key", path(key));
}
void HfConfig::wrong_type(std::string_view key, std::string_view expected) const {
  throw base::Error(base::Fault::bad_file, "a value of config.json has the wrong type")
      .at("key", path(key))
      .at("found", shown(*find(key)))
      .expected(expected);
}
void HfConfig::no_form(std::string_view key, const std::string& expected) const {
  throw base::Error(base::Fault::unsupported, "the model does something that GGUF cannot express")
      .at("key", path(key))
      .at("found", shown(*find(key)))
      .expected(expected)
      .hint("a file without it would compute something else");
}

std::optional<std::uint32_t> HfConfig::maybe_count(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!fits_count(*value)) wrong_type(key, "an integer from 0 to 4294967295");
  return value->get<std::uint32_t>();
}
std::uint32_t HfConfig::count(std::string_view key) const {
  const auto value = maybe_count(key);
  if (!value) missing(key);
  return *value;
}
std::uint32_t HfConfig::count_or(std::string_view key, std::uint32_t fallback) const {
  return maybe_count(key).value_or(fallback);
}

std::uint32_t HfConfig::positive(std::string_view key) const {
  const std::uint32_t value = count(key);
  if (value > 0) return value;
  throw base::Error(base::Fault::bad_file, "a hyper-parameter is out of bounds")
      .at("key", path(key))
      .at("found", value)
      .at("expected", "1 or more");
}

std::optional<double> HfConfig::maybe_number(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) wrong_type(key, "a number");
  return value->get<double>();
}
double HfConfig::number(std::string_view key) const {
  const auto value = maybe_number(key);
  if (!value) missing(key);
  return *value;
}
double HfConfig::number_or(std::string_view key, double fallback) const {
  return maybe_number(key).value_or(fallback);
}

double HfConfig::above(std::string_view key, double bound) const {
  const double value = number(key);
  if (value > bound) return value;
  throw base::Error(base::Fault::bad_file, "a hyper-parameter is out of bounds")
      .at("key", path(key))
      .at("found", shown(*find(key)))
      .at("expected", fmt::format("more than {}", bound));
}

std::optional<bool> HfConfig::maybe_flag(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong_type(key, "true or false");
  return value->get<bool>();
}
bool HfConfig::flag_or(std::string_view key, bool fallback) const {
  return maybe_flag(key).value_or(fallback);
}

std::optional<std::string> HfConfig::maybe_string(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong_type(key, "a string");
  return value->get<std::string>();
}
std::string HfConfig::string_or(std::string_view key, std::string_view fallback) const {
  return maybe_string(key).value_or(std::string(fallback));
}

std::vector<double> HfConfig::numbers(std::string_view key) const {
  const nlohmann::json* value = find(key);
  std::vector<double> out;
  if (value == nullptr) return out;
  if (!value->is_array()) wrong_type(key, "a list of numbers");
  for (const nlohmann::json& item : *value) {
    if (!item.is_number()) wrong_type(key, "a list of numbers");
    out.push_back(item.get<double>());
  }
  return out;
}

std::vector<std::string> HfConfig::strings(std::string_view key) const {
  const nlohmann::json* value = find(key);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (!value->is_array()) wrong_type(key, "a list of strings");
  for (const nlohmann::json& item : *value) {
    if (!item.is_string()) wrong_type(key, "a list of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

HfConfig HfConfig::object(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value != nullptr && !value->is_object()) wrong_type(key, "an object");
  return HfConfig(value == nullptr ? nlohmann::json::object() : *value,
                  fmt::format("{}{}.", place_, key));
}

HfConfig HfConfig::rope(std::string_view layer_kind) const {
  HfConfig merged(nlohmann::json::object(), place_ + "rope_scaling.");
  for (const char* key : {"rope_theta", "partial_rotary_factor"}) {
    if (!has(key)) continue;
    merged.object_[key] = *find(key);
    merged.origins_[key] = path(key);
  }
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    HfConfig inner = object(key);
    if (!layer_kind.empty() && inner.has(layer_kind)) inner = inner.object(layer_kind);
    if (has(key)) merged.place_ = inner.place_;
    for (const auto& [name, value] : inner.json().items()) {
      if (value.is_null()) continue;
      const std::string as = name == "type" ? "rope_type" : name;
      merged.object_[as] = value;
      merged.origins_[as] = inner.path(name);
    }
  }
  if (!merged.has("rope_type")) merged.object_["rope_type"] = "default";
  return merged;
}

void HfConfig::require_flag(std::string_view key, bool expected) const {
  if (flag_or(key, expected) != expected) no_form(key, expected ? "true" : "false");
}
void HfConfig::require_number(std::string_view key, double expected) const {
  if (number_or(key, expected) != expected) no_form(key, fmt::format("{}", expected));
}
void HfConfig::require_empty(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return;
  if (!value->is_array()) wrong_type(key, "a list");
  if (!value->empty()) no_form(key, "an empty list");
}
void HfConfig::require_one_of(std::string_view key,
                              std::span<const std::string_view> expected) const {
  const auto value = maybe_string(key);
  if (!value || std::find(expected.begin(), expected.end(), *value) != expected.end()) return;
  no_form(key, fmt::format("{}", fmt::join(expected, " or ")));
}

}  // namespace model
