#include "text/template/percent_format.h"

#include <fmt/format.h>
#include <fmt/printf.h>

#include <algorithm>
#include <charconv>

namespace text::jinja {
namespace {

constexpr std::size_t kMaxWidth = 1000;

std::string formatted(const std::string& spec, char kind, const Value& v) {
  switch (kind) {
    case 's':
      return fmt::sprintf(spec + 's', to_text(v));
    case 'r':
      return fmt::sprintf(spec + 's', to_repr(v));
    case 'd':
    case 'i':
    case 'x':
      if (!v.is_number()) break;
      return fmt::sprintf(spec + kind,
                          v.is_whole() ? v.whole() : static_cast<std::int64_t>(v.number()));
    case 'f':
    case 'g':
    case 'e':
      if (!v.is_number()) break;
      return fmt::sprintf(spec + kind, v.number());
    default:
      throw failure(fmt::format("unsupported format character '{}'", kind));
  }
  throw failure(fmt::format("%{} format: a number is required, not {}", kind, v.type_name()));
}

/// Flags, width and precision behind a '%' at `at`, which moves behind them.
std::string read_spec(std::string_view format, std::size_t& at) {
  constexpr std::string_view kParts = "-+ #0123456789.";
  std::string spec = "%";
  std::size_t number = 0;
  while (at < format.size() && kParts.find(format[at]) != std::string_view::npos) {
    const char c = format[at++];
    number = c >= '0' && c <= '9' ? number * 10 + static_cast<std::size_t>(c - '0') : 0;
    if (number > kMaxWidth) throw failure("a format's width is too large");
    spec += c;
  }
  if (at == format.size()) throw failure("incomplete format");
  return spec;
}

const Value& argument_of(std::string_view field, const Arguments& arguments, std::size_t& next) {
  std::size_t index = next;
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), index);
  if (field.empty()) {
    ++next;
  } else if (code != std::errc() || end != field.data() + field.size()) {
    for (const auto& [name, value] : arguments.named) {
      if (name == field) return value;
    }
    throw failure(fmt::format("format: no argument '{}'", field));
  }
  if (index < arguments.positional.size()) return arguments.positional[index];
  throw failure(fmt::format("format: no argument number {}", index));
}

}  // namespace

std::string percent_format(std::string_view format, const std::vector<Value>& arguments) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    const std::string spec = read_spec(format, ++at);
    const char kind = format[at++];
    if (kind == '%') {
      out += '%';
      continue;
    }
    if (used == arguments.size()) throw failure("not enough arguments for format string");
    out += formatted(spec, kind, arguments[used++]);
  }
  if (used < arguments.size()) {
    throw failure("not all arguments converted during string formatting");
  }
  return out;
}

std::string brace_format(std::string_view format, const Arguments& arguments) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < format.size();) {
    const char c = format[at];
    if ((c == '{' || c == '}') && at + 1 < format.size() && format[at + 1] == c) {
      out += c;
      at += 2;
    } else if (c == '{') {
      const std::size_t end = format.find('}', at);
      if (end == std::string_view::npos) throw failure("expected '}' before end of string");
      out += to_text(argument_of(format.substr(at + 1, end - at - 1), arguments, next));
      at = end + 1;
    } else if (c == '}') {
      throw failure("single '}' encountered in format string");
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

}  // namespace text::jinja
