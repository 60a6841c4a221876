#pragma once

#include "base/error.h"

namespace text::jinja {

/// Adds the line to errors of what runs inside.
template <class Run>
auto at_line(std::size_t line, Run run) {
  try {
    return run();
  } catch (base::Error& e) {
    e.at("line", line);
    throw;
  }
}

}  // namespace text::jinja
