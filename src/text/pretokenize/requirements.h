// What every match of an expression must hold, so that texts without it need not be searched: most
// expressions of a list look for a kind of character that most fragments do not have.
#pragma once

#include <optional>
#include <vector>

#include "text/pretokenize/dialect.h"

namespace text {

struct Requirements {
  std::optional<CodePointSet> somewhere;  ///< each match has at least one of these
  std::optional<CodePointSet> at_end;     ///< a match ends the text, with one of these
};

/// Nothing is required where the expression is not understood.
Requirements requirements_of(const std::vector<DialectItem>& expression);

}  // namespace text
