#include "text/template/percent_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/template/format_spec.h"
#include "text/template/node.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

const Value* named(Render& render, const Arguments& arguments, std::string_view name) {
  render.step(arguments.named.size() * (1 + name.size() / 64));
  for (const auto& [known, value] : arguments.named) {
    if (known == name) return &value;
  }
  return nullptr;
}

/// One run over a "%" format.
class PercentFormat {
 public:
  PercentFormat(Render& render, std::string_view format, const Arguments& arguments)
      : render_(render), format_(format), arguments_(arguments) {}

  std::string run() {
    std::string out;
    while (at_ < format_.size()) {
      const std::size_t next = std::min(format_.find('%', at_), format_.size());
      append(out, format_.substr(at_, next - at_));
      at_ = next + 1;
      if (next < format_.size()) append(out, conversion());
    }
    if (used_ < arguments_.positional.size() && !by_name_) {
      throw failure("not all arguments converted during string formatting");
    }
    return out;
  }

 private:
  void append(std::string& out, std::string_view more) const {
    if (more.size() > render_.limits().bytes - std::min(out.size(), render_.limits().bytes)) {
      render_.string(render_.limits().bytes + 1);
    }
    render_.look(more.size());
    out += more;
  }

  char peek() const {
    if (at_ >= format_.size()) throw failure("incomplete format");
    return format_[at_];
  }

  const Value& next_argument() {
    if (used_ >= arguments_.positional.size()) {
      throw failure("not enough arguments for format string");
    }
    return arguments_.positional[used_++];
  }

  /// A width or precision: digits, or * for an argument.
  std::int64_t number() {
    std::int64_t n = 0;
    if (peek() == '*') {
      ++at_;
      const Value& v = next_argument();
      if (!v.is_whole()) throw failure("* wants int");
      n = v.whole();
    } else {
      const char* begin = format_.data() + at_;
      const auto [end, code] = std::from_chars(begin, format_.data() + format_.size(), n);
      if (code == std::errc::result_out_of_range) n = INT64_MAX;
      if (end != nullptr) at_ += static_cast<std::size_t>(end - begin);
    }
    const auto limit = static_cast<std::int64_t>(kMaxFormatWidth);
    if (n > limit || n < -limit) throw failure("a format's width is too large");
    return n;
  }

  const Value* key() {
    if (peek() != '(') return nullptr;
    const std::size_t end = format_.find(')', at_);
    if (end == std::string_view::npos) throw failure("incomplete format key");
    const std::string_view name = format_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    by_name_ = true;
    const Value* found = named(render_, arguments_, name);
    const bool one = arguments_.positional.size() == 1;
    if (found == nullptr && one && arguments_.positional[0].dict() != nullptr) {
      found = arguments_.positional[0].dict()->find(render_, name);
    }
    if (found == nullptr) throw failure(fmt::format("format: no argument '{}'", name));
    return found;
  }

  std::string conversion() {
    if (peek() == '%') {
      ++at_;
      return "%";
    }
    const Value* given = key();
    FormatSpec spec;
    spec.align = '>';
    bool zeros = false;
    for (constexpr std::string_view kFlags = "-+ #0"; kFlags.find(peek()) != kFlags.npos; ++at_) {
      const char c = peek();
      if (c == '-') spec.align = '<';
      if (c == '+' || (c == ' ' && spec.sign != '+')) spec.sign = c;
      if (c == '#') spec.alternate = true;
      if (c == '0') zeros = true;
    }
    const std::int64_t width = number();
    if (width < 0) spec.align = '<';
    spec.width = static_cast<std::size_t>(std::abs(width));
    if (peek() == '.') {
      ++at_;
      spec.precision = static_cast<std::size_t>(std::max<std::int64_t>(number(), 0));
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    spec.type = peek();
    ++at_;
    if (zeros && spec.align == '>') {
      spec.align = '=';
      spec.fill = "0";
    }
    return set(given == nullptr ? next_argument() : *given, spec);
  }

  std::string set(const Value& v, FormatSpec spec) const {
    const char type = std::exchange(spec.type, 0);
    if (type == 's' || type == 'r' || (type == 'c' && v.string() != nullptr)) {
      if (type == 'c' && bytes_of(*v.string(), 1) != v.string()->size()) {
        throw failure("%c requires int or char");
      }
      spec.sign = '-';
      spec.alternate = false;
      if (spec.align == '=') {
        spec.align = '>';
        spec.fill = " ";
      }
      return formatted(type == 'r' ? to_repr(render_, v) : to_text(render_, v), spec);
    }
    const bool decimal = type == 'd' || type == 'i' || type == 'u';
    if (!decimal && std::string_view("oxXceEfFgG").find(type) == std::string_view::npos) {
      throw failure(fmt::format("unsupported format character '{}'", type));
    }
    if (!v.is_number()) {
      throw failure(
          fmt::format("%{} format: a real number is required, not {}", type, v.type_name()));
    }
    spec.type = decimal ? 'd' : type;
    if (!decimal) return formatted(v, spec);
    if (v.real() != nullptr && !(std::fabs(*v.real()) < 9.2e18)) {
      throw failure("a whole number does not fit 64 bits");
    }
    const std::int64_t whole =
        v.is_whole() ? v.whole() : static_cast<std::int64_t>(std::trunc(v.number()));
    return at_least_digits(whole, spec);
  }

  /// %.5d: zeros up to the precision.
  static std::string at_least_digits(std::int64_t whole, FormatSpec spec) {
    if (!spec.precision) return formatted(whole, spec);
    FormatSpec digits;
    digits.sign = spec.sign;
    digits.fill = "0";
    digits.align = '=';
    digits.width = *spec.precision + (whole < 0 || spec.sign != '-' ? 1 : 0);
    digits.type = 'd';
    return padded(formatted(whole, digits), spec);
  }

  Render& render_;
  std::string_view format_;
  const Arguments& arguments_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
  bool by_name_ = false;
};

/// One run over a "{}" format.
class BraceFormat {
 public:
  BraceFormat(Render& render, const Arguments& arguments)
      : render_(render), arguments_(arguments) {}

  std::string run(std::string_view format, bool inside_a_field) {
    std::string out;
    for (std::size_t at = 0; at < format.size();) {
      const char c = format[at];
      if ((c == '{' || c == '}') && at + 1 < format.size() && format[at + 1] == c) {
        out += c;
        at += 2;
      } else if (c == '{') {
        const std::size_t end = end_of_field(format, at);
        if (inside_a_field && format.substr(at + 1, end - at - 1).find('{') != format.npos) {
          throw failure("Max string recursion exceeded");
        }
        render_.append(out, field(format.substr(at + 1, end - at - 1)));
        at = end + 1;
      } else if (c == '}') {
        throw failure("Single '}' encountered in format string");
      } else {
        out += c;
        ++at;
      }
      if (out.size() > render_.limits().bytes) render_.string(out.size());
    }
    return out;
  }

 private:
  static std::size_t end_of_field(std::string_view format, std::size_t at) {
    for (std::size_t depth = 0; at < format.size(); ++at) {
      if (format[at] == '{') ++depth;
      if (format[at] == '}' && --depth == 0) return at;
    }
    throw failure("expected '}' before end of string");
  }

  std::string field(std::string_view text) {
    const std::size_t colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    std::string_view conversion;
    if (const std::size_t mark = name.find('!'); mark != name.npos) {
      conversion = name.substr(mark + 1);
      name = name.substr(0, mark);
      if (conversion != "r" && conversion != "s" && conversion != "a") {
        throw failure("Unknown conversion specifier");
      }
    }
    Value v = argument(name);
    if (conversion == "r" || conversion == "a") v = to_repr(render_, v);
    if (conversion == "s") v = to_text(render_, v);
    const std::string spec = colon == text.npos ? "" : run(text.substr(colon + 1), true);
    if (spec.empty()) return to_text(render_, v);
    return formatted(v, parse_format_spec(spec));
  }

  /// first.name[key] ...
  Value argument(std::string_view text) {
    const std::size_t end = std::min(text.find_first_of(".["), text.size());
    Value v = first(text.substr(0, end));
    text.remove_prefix(end);
    while (!text.empty()) {
      if (text[0] == '.') {
        const std::size_t next = std::min(text.find_first_of(".[", 1), text.size());
        v = attribute_of(render_, v, std::string(text.substr(1, next - 1)));
        text.remove_prefix(next);
        continue;
      }
      const std::size_t close = text.find(']');
      if (text[0] != '[' || close == text.npos) throw failure("Missing ']' in format string");
      const std::string_view key = text.substr(1, close - 1);
      std::int64_t index = 0;
      const auto [stop, code] = std::from_chars(key.data(), key.data() + key.size(), index);
      const bool whole = code == std::errc() && stop == key.data() + key.size() && index >= 0;
      v = item_of(render_, v, whole ? Value(index) : Value(key));
      text.remove_prefix(close + 1);
    }
    return v;
  }

  Value first(std::string_view name) {
    std::size_t index = next_;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (name.empty()) {
      ++next_;
    } else if (code != std::errc() || end != name.data() + name.size()) {
      if (const Value* found = named(render_, arguments_, name)) return *found;
      throw failure(fmt::format("format: no argument '{}'", name));
    }
    if (index < arguments_.positional.size()) return arguments_.positional[index];
    throw failure(fmt::format("format: no argument number {}", index));
  }

  Render& render_;
  const Arguments& arguments_;
  std::size_t next_ = 0;
};

}  // namespace

std::string percent_format(Render& render, std::string_view format, const Arguments& arguments) {
  return PercentFormat(render, format, arguments).run();
}

std::string brace_format(Render& render, std::string_view format, const Arguments& arguments) {
  return BraceFormat(render, arguments).run(format, false);
}

}  // namespace text::jinja
