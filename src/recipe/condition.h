// The small expression language of the recipe tables (Python spelling): comparisons, and / or /
// not, //, %, *, `in (...)`, more(i,n), has_opt(x), block(T). Source: docs/spec/recipes.md 4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace recipe {

/// A number (truth is 0 or 1) or a text.
using ConditionValue = std::variant<std::int64_t, std::string_view>;

/// Where a condition finds its variables.
class Scope {
 public:
  virtual ~Scope() = default;
  /// Value of a variable; may throw base::Error when it cannot be known for this tensor.
  virtual ConditionValue variable(std::string_view name) const = 0;
  virtual bool has_option(std::string_view option) const = 0;
  virtual std::int64_t block_length(std::string_view type_symbol) const = 0;
};

/// i < n//8 or i >= 7*n//8 or (i - n//8) % 3 == 2.
constexpr bool use_more_bits(std::int64_t i, std::int64_t n) noexcept {
  return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

/// A parsed expression; immutable, views into the table text.
class Condition {
 public:
  /// Throws std::logic_error: the texts are our own tables.
  static Condition parse(std::string_view text);
  bool holds(const Scope& scope) const;

  struct Node {
    std::string_view op;    ///< "number", "text", "name", "call", or the operator
    std::string_view text;  ///< of names, calls and texts
    std::int64_t number = 0;
    std::vector<Node> parts;
  };

 private:
  Node root_;
};

}  // namespace recipe
