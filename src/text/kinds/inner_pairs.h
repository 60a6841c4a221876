#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string_view>

#include "text/utf8.h"

namespace text {

/// Which pairs of neighbouring characters merges can join. Where a pair is not among them, no merge
/// can ever bridge it, so the text falls apart into independent pieces there (mostly words).
/// A hash filter: a false "occurs" only makes a piece longer.
class InnerPairs {
 public:
  /// All pairs inside a token.
  void add_inside(std::string_view text) {
    std::size_t at = 0;
    if (text.empty()) return;
    std::uint64_t left = next(text, at);
    while (at < text.size()) {
      const std::uint64_t right = next(text, at);
      add(left, right);
      left = right;
    }
  }
  void add(std::uint64_t left, std::uint64_t right) { bits_->set(slot(left, right)); }

  /// The character at `at` as a number; `at` moves behind it.
  static std::uint64_t next(std::string_view text, std::size_t& at) noexcept {
    const std::size_t length = std::min(lead_length(text[at]), text.size() - at);
    std::uint64_t code = 0;
    for (std::size_t i = 0; i < length; ++i) {
      code = code << 8 | static_cast<std::uint8_t>(text[at + i]);
    }
    at += length;
    return code;
  }

  bool occurs(std::uint64_t left, std::uint64_t right) const noexcept {
    return bits_->test(slot(left, right));
  }

 private:
  static constexpr std::size_t kLogBits = 20;
  static std::size_t slot(std::uint64_t left, std::uint64_t right) noexcept {
    return ((left << 32 | right) * 0x9E3779B97F4A7C15ULL) >> (64 - kLogBits);
  }
  std::unique_ptr<std::bitset<std::size_t{1} << kLogBits>> bits_ =
      std::make_unique<std::bitset<std::size_t{1} << kLogBits>>();
};

}  // namespace text
