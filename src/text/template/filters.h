#pragma once

#include <span>
#include <string_view>

#include "text/template/node.h"

namespace text::jinja {

struct FilterRow {
  std::string_view name;
  Filter filter;
};
/// Filters of one value.
std::span<const FilterRow> value_filters() noexcept;
/// Filters of lists, mappings and the like.
std::span<const FilterRow> sequence_filters() noexcept;
/// Filters that lay text out, or escape it.
std::span<const FilterRow> text_filters() noexcept;

struct TestRow {
  std::string_view name;
  Test test;
};
/// What may stand behind `is`, without other names for the same.
std::span<const TestRow> value_tests() noexcept;

}  // namespace text::jinja
