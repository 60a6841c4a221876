#include "cli/expression.h"

#include "base/error.h"

namespace cli {

recipe::Pattern expression(std::string_view option, const std::string& text) {
  try {
    return recipe::Pattern(text);
  } catch (base::Error& e) {
    e.at("option", option).expected("a regular expression");
    throw;
  }
}

}  // namespace cli
