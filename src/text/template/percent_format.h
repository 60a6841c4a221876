#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/template/value.h"

namespace text::jinja {

/// Python's "..." % arguments for %s %r %d %i %x %f %g and %%, with flags, width and precision up
/// to 1000. Throws for anything else, and for too few or too many arguments.
std::string percent_format(std::string_view format, const std::vector<Value>& arguments);

/// Python's "...".format(...): {}, {0}, {name}; {{ and }} for braces. No format after a colon.
std::string brace_format(std::string_view format, const Arguments& arguments);

}  // namespace text::jinja
