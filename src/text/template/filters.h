#pragma once

#include <span>
#include <string_view>

#include "text/template/node.h"

namespace text::jinja {

struct FilterRow {
  std::string_view name;
  Filter filter;
};
/// Filters of lists, mappings and the like.
std::span<const FilterRow> sequence_filters() noexcept;
/// Filters that lay text out, or escape it.
std::span<const FilterRow> text_filters() noexcept;

}  // namespace text::jinja
