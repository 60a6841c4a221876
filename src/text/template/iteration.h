// Running over values one by one, and the generators that filters like `map` give: used up by the
// first loop over them, always true, without a length.
#pragma once

#include <functional>
#include <utility>

#include "text/template/render.h"

namespace text::jinja {

/// The items of a value, one after the other, as a loop sees them.
class Source {
 public:
  /// Throws for what cannot be iterated.
  explicit Source(Value over);
  std::optional<Value> next(Render& render);

 private:
  Value over_;
  std::size_t at_ = 0;  // in items, or in bytes of a string
};

/// A generator: each item is made when it is asked for.
class Generator final : public Object {
 public:
  /// The next item; absent at the end, after which it is not called again.
  using Next = std::function<std::optional<Value>(Render& render)>;
  /// `held`: every value that `next` keeps alive.
  Generator(Next next, std::vector<Value> held) : next_(std::move(next)), held_(std::move(held)) {}
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  ~Generator() override;

  std::string_view type_name() const noexcept override { return "generator"; }
  bool iterable() const noexcept override { return true; }
  std::optional<Value> next(Render& render) override;
  std::vector<Value> held() const override { return held_; }
  void release() override;

 private:
  Next next_;
  std::vector<Value> held_;
};

/// A generator as a value, its memory counted.
Value generator(Render& render, std::vector<Value> held, Generator::Next next);

}  // namespace text::jinja
