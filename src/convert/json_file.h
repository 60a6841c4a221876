#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace convert {

/// Parses a JSON file of a model folder. Throws Fault::io, Fault::bad_file with the offset of the
/// mistake, or with the size if it is above 512 MiB.
nlohmann::json read_json(const std::filesystem::path& path);
/// The same for text in memory; `name` stands for the file in messages.
nlohmann::json parse_json(std::string_view text, const std::string& name);
/// A text file as it is. Throws Fault::io; Fault::bad_file above 512 MiB.
std::string read_text(const std::filesystem::path& path);

}  // namespace convert
