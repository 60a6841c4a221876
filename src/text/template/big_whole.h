// Whole numbers beyond 64 bits with sign: they print as what they are, nobody computes with them.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "text/template/value.h"

namespace text::jinja {

class BigWhole final : public Object {
 public:
  /// `text`: "-" or nothing, then digits, of which the first is not 0.
  explicit BigWhole(std::string text) : text_(std::move(text)) {}
  std::string_view type_name() const noexcept override { return "int"; }
  std::string text() const override { return text_; }
  bool equals(const Object& other) const override {
    const auto* o = dynamic_cast<const BigWhole*>(&other);
    return o != nullptr && o->text_ == text_;
  }

 private:
  std::string text_;
};

inline bool is_big_whole(const Value& v) { return v.object_as<BigWhole>() != nullptr; }

/// The number that digits, with or without a "-" in front, mean.
inline Value whole_of_digits(bool negative, std::string_view digits) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  const std::string text = (negative ? "-" : "") + std::string(digits.empty() ? "0" : digits);
  std::int64_t whole = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (code == std::errc()) return whole;
  return Value::ObjectPtr(std::make_shared<BigWhole>(text));
}

}  // namespace text::jinja
