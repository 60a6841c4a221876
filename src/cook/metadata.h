// The key/value section of the output (docs/spec/recipes.md 10, docs/spec/gguf.md 3).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/value.h"
#include "recipe/tables.h"

namespace cook {

/// One --override-kv KEY=TYPE:VALUE, not yet fitted to the type that the key has.
struct Override {
  enum class Kind : std::uint8_t { integer, number, boolean, text };
  std::string key;
  Kind kind = Kind::integer;
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::string text;
};

/// Throws Fault::bad_usage naming what is wrong.
Override parse_override(std::string_view text);
/// Sets the key. The type that the key has is kept; new keys become u32 (i32 if negative), f32,
/// bool, str. Throws Fault::bad_usage when the value does not fit that type.
void apply_override(gguf::Metadata& metadata, const Override& override_value);

/// What is said about the importance data in the file.
struct ImportanceKeys {
  std::string file;     ///< as the user named it
  std::string dataset;  ///< empty: key not written
  std::size_t n_entries = 0;
  std::size_t n_chunks = 0;  ///< 0: key not written
  bool hidden = false;       ///< "top_secret" and zeros
};

/// The pairs of the input with overrides, importance keys, version and recipe in the order of the
/// public program; without split keys and general.alignment (the writer's alignment is 32).
gguf::Metadata output_metadata(recipe::Policy policy, const gguf::Metadata& input,
                               const std::vector<Override>& overrides,
                               const std::optional<ImportanceKeys>& importance,
                               std::uint32_t file_type);

}  // namespace cook
