#include "cli/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "cli/options.h"

namespace cli {
namespace {

using Kind = Values::Kind;

std::vector<std::string_view> choices_of(const Option& option) {
  std::string_view list = option.values.choices.empty() ? option.value : option.values.choices;
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t bar = std::min(list.find('|'), list.size());
    out.push_back(list.substr(0, bar));
    if (bar == list.size()) return out;
    list.remove_prefix(bar + 1);
  }
}

template <class T>
bool reads_as(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && stop == end;
}

bool accepts(const Option& option, const std::string& text) {
  const Values& v = option.values;
  switch (v.kind) {
    case Kind::unstated:
    case Kind::text:
      return true;
    case Kind::integer: {
      std::int64_t value = 0;
      return reads_as(text, value) && ((value >= v.min && value <= v.max) || value == v.special);
    }
    case Kind::number: {
      double value = 0;
      return reads_as(text, value) && value >= v.low && value <= v.high;
    }
    case Kind::choice: {
      const auto choices = choices_of(option);
      return std::find(choices.begin(), choices.end(), text) != choices.end();
    }
    case Kind::form:
      return !text.empty() && (v.accepts == nullptr || v.accepts(text));
    default:
      return !text.empty();
  }
}

std::string integers_text(const Values& v) {
  const std::string range = fmt::format("a whole number from {} to {}", v.min, v.max);
  return v.special < v.min ? fmt::format("{}, or {}", v.special, range) : range;
}

}  // namespace

std::string allowed_text(const Option& option) {
  const Values& v = option.values;
  switch (v.kind) {
    case Kind::unstated:
    case Kind::text:
      return "";
    case Kind::word:
      return "some text";
    case Kind::integer:
      return integers_text(v);
    case Kind::number:
      return fmt::format("a number from {} to {}", v.low, v.high);
    case Kind::choice:
      return fmt::format("{}", fmt::join(choices_of(option), ", "));
    case Kind::form:
      return std::string(v.allowed);
    case Kind::folder:
      return "the name of a folder";
    default:
      return "the name of a file";
  }
}

void check_value(const Option& option, const std::string& key, const std::string& value) {
  if (accepts(option, value)) return;
  base::Error error(base::Fault::bad_usage, fmt::format("bad value for --{}", key));
  error.at("found", value.empty() ? "nothing" : base::printable(value));
  error.expected(allowed_text(option));
  if (option.values.kind == Kind::choice) {
    error.hint(base::did_you_mean(value, choices_of(option)));
  }
  throw error;
}

}  // namespace cli
