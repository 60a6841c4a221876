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
std::span<const MethodRow> list_methods() noexcept;
std::span<const MethodRow> dict_methods() noexcept;

/// The entries of a mapping as tuples, counted with the list that they are for.
std::vector<Value> pairs_of(Render& render, const Dict& dict);

}  // namespace text::jinja
