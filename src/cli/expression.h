// Regular expressions of the command line.
#pragma once

#include <string>
#include <string_view>

#include "recipe/pattern.h"

namespace cli {

/// Throws Fault::bad_usage naming the option ("--tensors") and the place in the expression.
recipe::Pattern expression(std::string_view option, const std::string& text);

}  // namespace cli
