#include "text/template/arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace text::jinja {

Bound::Bound(std::string_view function, std::initializer_list<std::string_view> parameters,
             const Arguments& arguments)
    : function_(function), names_(parameters), values_(parameters.size()) {
  if (arguments.positional.size() > names_.size()) {
    throw failure(fmt::format("{}() takes at most {} argument(s), {} given", function_,
                              names_.size(), arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto at = std::find(names_.begin(), names_.end(), name);
    if (at == names_.end()) {
      throw failure(fmt::format("{}() got an unexpected keyword argument '{}'", function_, name));
    }
    const Value*& place = values_[static_cast<std::size_t>(at - names_.begin())];
    if (place != nullptr) {
      throw failure(fmt::format("{}() got multiple values for argument '{}'", function_, name));
    }
    place = &value;
  }
}

const Value& Bound::required(std::size_t parameter) const {
  if (values_[parameter] != nullptr) return *values_[parameter];
  throw failure(fmt::format("{}() missing argument '{}'", function_, names_[parameter]));
}

std::string Bound::text(std::size_t parameter) const {
  const Value& v = required(parameter);
  if (v.string() != nullptr) return *v.string();
  throw failure(fmt::format("{}() argument '{}' must be str, not {}", function_, names_[parameter],
                            v.type_name()));
}

std::optional<std::string> Bound::optional_text(std::size_t parameter) const {
  const Value* v = values_[parameter];
  if (v == nullptr || v->is_none()) return std::nullopt;
  return text(parameter);
}

std::int64_t Bound::whole(std::size_t parameter, std::int64_t otherwise) const {
  const Value* v = values_[parameter];
  if (v == nullptr || v->is_none()) return otherwise;
  if (v->is_whole()) return v->whole();
  throw failure(fmt::format("{}() argument '{}' must be int, not {}", function_, names_[parameter],
                            v->type_name()));
}

bool Bound::flag(std::size_t parameter, bool otherwise) const {
  return values_[parameter] == nullptr ? otherwise : truth(*values_[parameter]);
}

}  // namespace text::jinja
