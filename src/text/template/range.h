#pragma once

#include <fmt/format.h>

#include "text/template/value.h"

namespace text::jinja {

/// Python's range: whole numbers that are made when they are asked for.
class Range final : public Object {
 public:
  /// `step` is not 0.
  Range(std::int64_t first, std::int64_t last, std::int64_t step)
      : first_(first), last_(last), step_(step), n_(count(first, last, step)) {}
  std::string_view type_name() const noexcept override { return "range"; }
  bool iterable() const noexcept override { return true; }
  std::optional<std::size_t> size() const noexcept override { return n_; }
  Value item(std::size_t i) const override { return at(i); }
  Value part(std::int64_t first, std::int64_t step, std::size_t n) const override {
    if (n == 0) return Value::ObjectPtr(std::make_shared<Range>(0, 0, 1));
    const std::int64_t begin = at(static_cast<std::size_t>(first));
    const std::int64_t stride = n == 1 ? 1 : step_ * step;  // between two of ours
    std::int64_t end = 0;
    if (__builtin_mul_overflow(stride, static_cast<std::int64_t>(n), &end) ||
        __builtin_add_overflow(begin, end, &end)) {
      end = stride > 0 ? INT64_MAX : INT64_MIN;
    }
    return Value::ObjectPtr(std::make_shared<Range>(begin, end, stride));
  }
  std::string text() const override {
    return step_ == 1 ? fmt::format("range({}, {})", first_, last_)
                      : fmt::format("range({}, {}, {})", first_, last_, step_);
  }
  bool equals(const Object& other) const override {
    const auto* o = dynamic_cast<const Range*>(&other);
    return o != nullptr && n_ == o->n_ && (n_ == 0 || first_ == o->first_) &&
           (n_ < 2 || step_ == o->step_);
  }

 private:
  /// Differences are taken without sign, so that no pair of ends overflows.
  static std::size_t count(std::int64_t first, std::int64_t last, std::int64_t step) noexcept {
    if (step > 0 ? first >= last : first <= last) return 0;
    const auto whole = [](std::int64_t i) { return static_cast<std::uint64_t>(i); };
    const std::uint64_t far = step > 0 ? whole(last) - whole(first) : whole(first) - whole(last);
    const std::uint64_t stride = step > 0 ? whole(step) : 0 - whole(step);
    return static_cast<std::size_t>((far - 1) / stride + 1);
  }
  /// Below n_ it lies between the ends.
  std::int64_t at(std::size_t i) const noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(first_) +
                                     i * static_cast<std::uint64_t>(step_));
  }

  std::int64_t first_, last_, step_;
  std::size_t n_;
};

}  // namespace text::jinja
