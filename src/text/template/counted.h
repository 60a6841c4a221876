// String operations as values: the work and what they make are counted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/template/render.h"

namespace text::jinja {

/// str.strip; see strings.h.
Value stripped(Render& render, std::string_view text, const std::optional<std::string>& set,
               bool left, bool right);
/// str.replace.
std::string replaced(Render& render, std::string_view text, std::string_view from,
                     std::string_view to, std::int64_t limit);

/// A list of strings in the making.
class TextList {
 public:
  explicit TextList(Render& render) : render_(render) {}
  void add(std::string_view text) {
    render_.items(1);
    render_.string(text.size());
    items_.emplace_back(text);
  }
  std::vector<Value> take() { return std::move(items_); }

 private:
  Render& render_;
  std::vector<Value> items_;
};

}  // namespace text::jinja
