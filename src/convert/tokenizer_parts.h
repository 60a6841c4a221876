#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "convert/tokenizer_json.h"

namespace convert {

/// The parts of a sequence ("pretokenizers", "normalizers", ...), or the thing itself. Views.
std::vector<const nlohmann::json*> parts(const nlohmann::json* thing, std::string_view list);
/// The first part of that type; null if there is none.
const nlohmann::json* part_of_type(const std::vector<const nlohmann::json*>& list,
                                   std::string_view type);

/// The normaliser makes one space of several: GGUF's remove_extra_whitespaces.
bool joins_spaces(const nlohmann::json& root);

/// Holds what stands around the vocabulary of tokenizer.json against what a GGUF tokenizer of that
/// kind does. Throws Fault::unsupported with key and found for what would change ids of usual text;
/// the rest comes back. Source: docs/spec/models.md 5.5.
base::Findings check_parts(const nlohmann::json& root, TokenizerJson::Kind kind);

}  // namespace convert
