#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace convert {

/// What a JSON text may be at most. A value of a few bytes takes up to 300 bytes in memory, and
/// copies of nested ones go down the stack.
struct JsonLimits {
  std::size_t bytes = std::size_t{16} << 20;
  std::size_t values = std::size_t{1} << 20;
  std::size_t depth = 200;  ///< of real files at most 20
};
/// Of tokenizer.json and of an index; the largest published are half of that.
inline constexpr JsonLimits kListLimits{.bytes = std::size_t{64} << 20,
                                        .values = std::size_t{1} << 22};

/// Throws Fault::bad_file with file, limit, what was found, and the offset, before anything is
/// built. Elsewhere the text may be any.
void require_limits(std::string_view text, const std::string& name, const JsonLimits& limits = {});

/// Parses a JSON file of a model folder. Throws Fault::io, Fault::bad_file with the offset of the
/// mistake, or with what is above the limits.
nlohmann::json read_json(const std::filesystem::path& path, const JsonLimits& limits = {});
/// The same for text in memory; `name` stands for the file in messages.
nlohmann::json parse_json(std::string_view text, const std::string& name,
                          const JsonLimits& limits = {});
/// A text file as it is. Throws Fault::io; Fault::bad_file above `most` bytes.
std::string read_text(const std::filesystem::path& path, std::size_t most = JsonLimits{}.bytes);

// Parts of a value that may be there: in an object, of the right type, not null.
/// Null if it is not there.
const nlohmann::json* member(const nlohmann::json& object, std::string_view key);
/// A string; else empty.
std::string word(const nlohmann::json& object, std::string_view key);
bool flag(const nlohmann::json& object, std::string_view key, bool fallback);

}  // namespace convert
