#pragma once

#include <string>
#include <string_view>

#include "text/template/value.h"

namespace text::jinja {

/// Python's "..." % arguments: %s %r %c %d %i %u %o %x %X %e %E %f %F %g %G and %%, with flags,
/// width and precision up to 1000, * and %(name)s. Throws for anything else, and for too few or too
/// many arguments.
std::string percent_format(Render& render, std::string_view format, const Arguments& arguments);

/// Python's "...".format(...): {}, {0}, {name}, {0[key].name!r:specification}; {{ and }} for
/// braces.
std::string brace_format(Render& render, std::string_view format, const Arguments& arguments);

}  // namespace text::jinja
