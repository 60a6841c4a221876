#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace convert {

/// The expression that Python code assigns to `pat_str` (any case): a string literal, several side
/// by side, or `"|".join([...])` of some. The code is not run; nothing if it is written otherwise.
std::optional<std::string> python_pattern(std::string_view source);

/// How the folder of a tiktoken vocabulary says that text is cut: the expression in its
/// tokenization*.py, in the form of tokenizer.json's pre_tokenizer. Nothing if none says so.
/// Throws Fault::io.
std::optional<nlohmann::json> tiktoken_pre_tokenizer(const std::filesystem::path& folder);

}  // namespace convert
