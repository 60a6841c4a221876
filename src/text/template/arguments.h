#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "text/template/value.h"

namespace text::jinja {

/// Arguments of a call against the names of its parameters.
class Bound {
 public:
  /// Throws for too many arguments, unknown names, and a parameter given twice.
  Bound(std::string_view function, std::initializer_list<std::string_view> parameters,
        const Arguments& arguments);

  /// Null if not given.
  const Value* find(std::size_t parameter) const noexcept { return values_[parameter]; }
  const Value& required(std::size_t parameter) const;
  /// The text of a string argument; throws for other types.
  std::string text(std::size_t parameter) const;
  std::optional<std::string> optional_text(std::size_t parameter) const;  ///< none counts as absent
  std::int64_t whole(std::size_t parameter, std::int64_t otherwise) const;
  bool flag(std::size_t parameter, bool otherwise) const;

 private:
  std::string function_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

}  // namespace text::jinja
