#pragma once

#include <string_view>

#include "text/template/node.h"

namespace text::jinja {

/// Reads a template. Throws Fault::bad_input with the line for mistakes, and Fault::unsupported for
/// statements of Jinja that chat templates have no use for (include, extends, ...).
Body parse_template(std::string_view source);

}  // namespace text::jinja
