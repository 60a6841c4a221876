#pragma once

#include <span>
#include <string_view>

#include "text/template/value.h"

namespace text::jinja {

struct MethodRow {
  std::string_view name;
  Method method;
};
/// Methods of Python's str.
std::span<const MethodRow> string_methods() noexcept;

}  // namespace text::jinja
