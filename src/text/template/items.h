#pragma once

#include <utility>
#include <vector>

#include "text/template/render.h"

namespace text::jinja {

/// The values that something runs over (see `iterate`), whose memory counts as long as they are
/// here.
class Items {
 public:
  Items(Render& render, const Value& over)
      : render_(render),
        values_(iterate(render, over)),
        bytes_(iterated_bytes(over, values_.size())) {}
  ~Items() { render_.give_back(bytes_); }
  Items(const Items&) = delete;
  Items& operator=(const Items&) = delete;

  const std::vector<Value>& values() const noexcept { return values_; }
  std::size_t size() const noexcept { return values_.size(); }
  bool empty() const noexcept { return values_.empty(); }
  const Value& operator[](std::size_t i) const noexcept { return values_[i]; }
  auto begin() const noexcept { return values_.begin(); }
  auto end() const noexcept { return values_.end(); }
  /// Their memory stays counted.
  std::vector<Value> take() {
    bytes_ = 0;
    return std::move(values_);
  }

 private:
  Render& render_;
  std::vector<Value> values_;
  std::size_t bytes_;
};

}  // namespace text::jinja
