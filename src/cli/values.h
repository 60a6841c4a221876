// What an option accepts: one field of the option table, from which values are checked before any
// work, and told by help and by the message of a bad value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

struct Values {
  enum class Kind : std::uint8_t {
    unstated,    ///< flags; an option with a value must state what it accepts
    text,        ///< anything, also nothing
    word,        ///< anything but nothing
    integer,     ///< min to max, and `special`
    number,      ///< low to high; neither NaN nor infinite
    choice,      ///< one of `choices`
    form,        ///< what `accepts` takes (null: the command itself checks); `allowed` tells it
    file,        ///< a file that is there and holds something
    model,       ///< a model in GGUF
    importance,  ///< an importance matrix of either kind
    output,      ///< a file that can be written: the folder exists
    folder,      ///< a folder, made if need be
  };
  Kind kind = Kind::unstated;
  std::int64_t min = 0, max = 0;
  std::int64_t special = 0;  ///< of integers: allowed besides if below `min`
  double low = 0, high = 0;
  std::string_view choices = {};  ///< between '|'; empty: the placeholder of the option
  bool (*accepts)(const std::string& value) = nullptr;
  std::string_view allowed = {};  ///< for `form`: "bytes, or a number with K, M, G or T"
};

inline constexpr Values kText{.kind = Values::Kind::text};
inline constexpr Values kWord{.kind = Values::Kind::word};
inline constexpr Values kFile{.kind = Values::Kind::file};
inline constexpr Values kModelFile{.kind = Values::Kind::model};
inline constexpr Values kImportanceFile{.kind = Values::Kind::importance};
inline constexpr Values kOutputFile{.kind = Values::Kind::output};
inline constexpr Values kFolder{.kind = Values::Kind::folder};

constexpr Values integers(std::int64_t min, std::int64_t max) {
  return {.kind = Values::Kind::integer, .min = min, .max = max, .special = min};
}
/// `special` (below min) or min to max.
constexpr Values integers_or(std::int64_t special, std::int64_t min, std::int64_t max) {
  return {.kind = Values::Kind::integer, .min = min, .max = max, .special = special};
}
constexpr Values numbers(double low, double high) {
  return {.kind = Values::Kind::number, .low = low, .high = high};
}
/// `choices` between '|'; by default what the placeholder of the option lists.
constexpr Values one_of(std::string_view choices = {}) {
  return {.kind = Values::Kind::choice, .choices = choices};
}
constexpr Values form(std::string_view allowed, bool (*accepts)(const std::string&) = nullptr) {
  return {.kind = Values::Kind::form, .accepts = accepts, .allowed = allowed};
}

/// How many of something (windows, tokens, chunks) make sense at most.
inline constexpr std::int64_t kManyItems = 1 << 30;
inline constexpr std::int64_t kManyTokens = 1 << 20;

struct Option;

/// "a number from 0 to 1", "on, off, auto"; "" where anything goes.
std::string allowed_text(const Option& option);

/// Throws Fault::bad_usage naming option, value and what is allowed. Does not look at files.
void check_value(const Option& option, const std::string& key, const std::string& value);

}  // namespace cli
