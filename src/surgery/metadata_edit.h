// Changes of the key/value section, checked: types, keys that decide how the file is read, keys
// that the architecture needs (docs/spec/gguf.md 1.3, 4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gguf/value.h"

namespace surgery {

/// One change. `value` is text, read by the type that is stated or that the key has.
struct MetadataEdit {
  enum class Kind : std::uint8_t { set, set_text, rename, erase };
  Kind kind = Kind::set;
  std::string key;
  std::string type = {};   ///< "u32", "arr[i32]"; empty: that of the key
  std::string value = {};  ///< the new value, or for rename the new key
};

/// "KEY=TYPE:VALUE", "KEY=VALUE" (the key keeps its type). TYPE is a type of the format or
/// "arr[TYPE]", whose VALUE is a JSON list. Throws Fault::bad_usage.
MetadataEdit parse_set(std::string_view option, std::string_view text);
/// "KEY=VALUE" for strings (anything goes), "OLD=NEW" for names.
MetadataEdit parse_pair(std::string_view option, MetadataEdit::Kind kind, std::string_view text);

/// A value of this type from text. Integers must fit, floats be finite, bools be true or false.
/// Throws Fault::bad_usage with found and expected.
gguf::Value parse_value(gguf::ValueType type, std::string_view text);
gguf::Array parse_array(gguf::ValueType element, std::string_view text);

/// "u32", "arr[str]".
std::string type_text(const gguf::Value& value);

/// Applies one change. Refused unless `force`: another type than the key has. Always refused: keys
/// that decide where data lies (general.alignment) or what belongs to a set (split.*), a name that
/// is taken, a key that is not there. Throws Fault::bad_usage naming the key.
void apply(gguf::Metadata& metadata, const MetadataEdit& edit, bool force);

}  // namespace surgery
