// A JSON object of config.json, read with types. Knows nothing of architectures.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace model {

/// A null counts as absent. Errors are
/// Fault::bad_file naming the key, what was found and what was expected.
class HfConfig {
 public:
  /// `place` stands in messages before the key, e.g. "rope_scaling.". Throws Fault::bad_file if
  /// `object` is no JSON object.
  explicit HfConfig(nlohmann::json object, std::string place = {});

  const nlohmann::json& json() const noexcept { return object_; }
  bool has(std::string_view key) const;
  /// Null if absent.
  const nlohmann::json* find(std::string_view key) const;

  std::uint32_t count(std::string_view key) const;
  std::optional<std::uint32_t> maybe_count(std::string_view key) const;
  std::uint32_t count_or(std::string_view key, std::uint32_t fallback) const;
  /// A count that must not be 0, which others are divided by.
  std::uint32_t positive(std::string_view key) const;
  double number(std::string_view key) const;
  std::optional<double> maybe_number(std::string_view key) const;
  double number_or(std::string_view key, double fallback) const;
  /// A number that must be larger than `bound`.
  double above(std::string_view key, double bound) const;
  std::optional<bool> maybe_flag(std::string_view key) const;
  bool flag_or(std::string_view key, bool fallback) const;
  std::optional<std::string> maybe_string(std::string_view key) const;
  std::string string_or(std::string_view key, std::string_view fallback) const;
  /// A list; absent: empty.
  std::vector<double> numbers(std::string_view key) const;
  std::vector<std::string> strings(std::string_view key) const;
  /// An object inside this one; absent: an empty one.
  HfConfig object(std::string_view key) const;

  /// Everything about rotation in one object, whichever generation wrote the file: rope_type
  /// ("default" if none), rope_theta, partial_rotary_factor, factor, ... `layer_kind` picks one of
  /// gemma3's dictionaries ("full_attention"); where there is only one it is taken. Messages name
  /// each key where it stands in the file.
  HfConfig rope(std::string_view layer_kind = {}) const;

  // For what has no form in GGUF (docs/spec/models.md 5.5): Fault::unsupported, naming key, found
  // and expected, unless the key is absent or has this value.
  void require_flag(std::string_view key, bool expected) const;
  void require_number(std::string_view key, double expected) const;
  void require_empty(std::string_view key) const;  ///< a list
  void require_one_of(std::string_view key, std::span<const std::string_view> expected) const;
  void require_string(std::string_view key, std::string_view expected) const {
    require_one_of(key, std::array{expected});
  }

 private:
  [[noreturn]] void missing(std::string_view key) const;
  [[noreturn]] void wrong_type(std::string_view key, std::string_view expected) const;
  [[noreturn]] void no_form(std::string_view key, const std::string& expected) const;
  /// The key as it stands in the file, with the objects around it.
  std::string path(std::string_view key) const;

  nlohmann::json object_;
  std::string place_;
  /// Where keys come from that were put together of several objects.
  std::map<std::string, std::string, std::less<>> origins_;
};

}  // namespace model
