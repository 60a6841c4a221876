#include "text/template/format_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/template/strings.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

constexpr std::string_view kAligns = "<>^=";

/// A number up to the limit at the front of `text`, which is moved behind it.
std::optional<std::size_t> take_number(std::string_view& text) {
  std::size_t n = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (code == std::errc::invalid_argument) return std::nullopt;
  if (code != std::errc() || n > kMaxFormatWidth) throw failure("a format's width is too large");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return n;
}

bool take_one_of(std::string_view& text, std::string_view choice, char& out) {
  if (text.empty() || choice.find(text[0]) == std::string_view::npos) return false;
  out = text[0];
  text.remove_prefix(1);
  return true;
}

/// Marks between groups of digits: threes, or fours of binary, octal and hexadecimal digits.
std::string grouped(const std::string& digits, char mark, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out += mark;
    out += digits[i];
  }
  return out;
}

/// A number in parts, to be put together with signs, groups and zeros.
struct NumberText {
  bool negative = false;
  std::string prefix = {};    ///< 0x and the like
  std::string digits = {};    ///< before the point
  std::string fraction = {};  ///< the rest
};

std::string set_number(const NumberText& n, const FormatSpec& spec) {
  const char mark = spec.sign == '-' ? 0 : spec.sign;
  std::string front = n.negative ? "-" : mark != 0 ? std::string(1, mark) : "";
  front += n.prefix;
  const bool base_of_two =
      std::string_view("boxX").find(spec.type) != std::string_view::npos && spec.type != 0;
  const auto body = [&](const std::string& digits) {
    return spec.grouping == 0 ? digits : grouped(digits, spec.grouping, base_of_two ? 4 : 3);
  };
  std::string digits = n.digits;
  const bool zeros = spec.align == '=' && spec.fill == "0";
  while (zeros && front.size() + body(digits).size() + n.fraction.size() < spec.width) {
    digits.insert(0, 1, '0');
  }
  std::string text = body(digits) + n.fraction;
  if (spec.align != '=') {
    FormatSpec at = spec;
    if (at.align == 0) at.align = '>';
    return padded(front + text, at);
  }
  FormatSpec at = spec;
  at.align = '>';
  at.width = spec.width - std::min(spec.width, front.size());
  return front + padded(std::move(text), at);
}

std::string set_whole(std::int64_t v, const FormatSpec& spec) {
  if (spec.precision) throw failure("Precision not allowed in integer format specifier");
  if (spec.type == 'c') {
    if (v < 0 || v > 0x10FFFF) throw failure("%c arg not in range(0x110000)");
    std::string out;
    append_utf8(static_cast<char32_t>(v), out);
    return padded(std::move(out), spec);
  }
  const std::uint64_t size =
      v < 0 ? ~static_cast<std::uint64_t>(v) + 1 : static_cast<std::uint64_t>(v);
  NumberText n{.negative = v < 0};
  const auto prefix = [&](const char* text) { return spec.alternate ? text : ""; };
  if (spec.type == 'b') {
    n.digits = fmt::format("{:b}", size);
    n.prefix = prefix("0b");
  } else if (spec.type == 'o') {
    n.digits = fmt::format("{:o}", size);
    n.prefix = prefix("0o");
  } else if (spec.type == 'x') {
    n.digits = fmt::format("{:x}", size);
    n.prefix = prefix("0x");
  } else if (spec.type == 'X') {
    n.digits = fmt::format("{:X}", size);
    n.prefix = prefix("0X");
  } else {
    n.digits = fmt::format("{}", size);
  }
  return set_number(n, spec);
}

/// Digits of a positive number for a type of e E f F g G or 0.
std::string real_digits(double v, const FormatSpec& spec) {
  if (spec.type == 0 && !spec.precision) return float_text(v);
  const std::size_t precision = spec.precision.value_or(6);
  switch (spec.type) {
    case 'e':
      return fmt::format("{:.{}e}", v, precision);
    case 'E':
      return fmt::format("{:.{}E}", v, precision);
    case 'f':
      return fmt::format("{:.{}f}", v, precision);
    case 'F':
      return fmt::format("{:.{}F}", v, precision);
    case 'G':
      return spec.alternate ? fmt::format("{:#.{}G}", v, precision)
                            : fmt::format("{:.{}G}", v, precision);
    case 0: {
      const std::string text = fmt::format("{:.{}g}", v, precision);
      return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
    }
    default:
      return spec.alternate ? fmt::format("{:#.{}g}", v, precision)
                            : fmt::format("{:.{}g}", v, precision);
  }
}

std::string set_real(double v, FormatSpec spec) {
  const bool percent = spec.type == '%';
  if (percent) {
    v *= 100;
    spec.type = 'f';
  }
  const std::string digits = real_digits(std::fabs(v), spec);
  const std::size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  NumberText n{.negative = std::signbit(v) && !std::isnan(v),
               .digits = digits.substr(0, whole),
               .fraction = digits.substr(whole) + (percent ? "%" : "")};
  return set_number(n, spec);
}

std::string set_text(std::string_view text, const FormatSpec& spec) {
  if (spec.sign != '-' || spec.alternate || spec.grouping != 0) {
    throw failure("Sign, # and grouping are not allowed in string format specifier");
  }
  FormatSpec at = spec;
  if (at.align == 0) at.align = '<';
  if (!spec.precision) return padded(std::string(text), at);
  return padded(std::string(text.substr(0, bytes_of(text, *spec.precision))), at);
}

}  // namespace

FormatSpec parse_format_spec(std::string_view text) {
  FormatSpec spec;
  const auto all = characters(text.substr(0, 8));
  if (all.size() > 1 && all[1].size() == 1 && kAligns.find(all[1][0]) != std::string_view::npos) {
    spec.fill = all[0];
    spec.align = all[1][0];
    text.remove_prefix(all[0].size() + 1);
  } else {
    take_one_of(text, kAligns, spec.align);
  }
  take_one_of(text, "+- ", spec.sign);
  char found = 0;
  spec.alternate = take_one_of(text, "#", found);
  if (take_one_of(text, "0", found)) {
    if (spec.align == 0) {
      spec.align = '=';
      spec.fill = "0";
    }
  }
  spec.width = take_number(text).value_or(0);
  take_one_of(text, ",_", spec.grouping);
  if (take_one_of(text, ".", found)) {
    spec.precision = take_number(text);
    if (!spec.precision) throw failure("Format specifier missing precision");
  }
  take_one_of(text, "sdboxXcneEfFgG%", spec.type);
  if (!text.empty()) throw failure("Invalid format specifier");
  return spec;
}

std::string padded(std::string text, const FormatSpec& spec) {
  // Only as far as the field is wide: texts may be long.
  if (bytes_of(text, spec.width) < text.size()) return text;
  const std::size_t size = n_characters(text);
  if (size >= spec.width) return text;
  const std::size_t free = spec.width - size;
  const std::size_t left = spec.align == '<' || spec.align == 0 ? 0
                           : spec.align == '^'                  ? free / 2
                                                                : free;
  std::string out;
  for (std::size_t i = 0; i < left; ++i) out += spec.fill;
  out += text;
  for (std::size_t i = left; i < free; ++i) out += spec.fill;
  return out;
}

std::string formatted(const Value& value, const FormatSpec& spec) {
  const auto unknown = [&] {
    return failure(fmt::format("Unknown format code '{}' for object of type '{}'",
                               spec.type == 0 ? ' ' : spec.type, value.type_name()));
  };
  if (const std::string* text = value.string()) {
    FormatSpec of_text = spec;
    if (spec.type != 0 && spec.type != 's') throw unknown();
    if (spec.align == '=') {
      if (spec.fill != "0") throw failure("'=' alignment not allowed in string format specifier");
      of_text.align = '<';
    }
    return set_text(*text, of_text);
  }
  if (!value.is_number() || spec.type == 's') throw unknown();
  FormatSpec of_number = spec;
  if (spec.type == 'n') of_number.type = value.is_whole() ? 'd' : 'g';
  const bool real_type = of_number.type != 0 &&
                         std::string_view("eEfFgG%").find(of_number.type) != std::string_view::npos;
  if (value.is_whole() && !real_type) return set_whole(value.whole(), of_number);
  if (!real_type && of_number.type != 0) throw unknown();
  return set_real(value.number(), of_number);
}

}  // namespace text::jinja
