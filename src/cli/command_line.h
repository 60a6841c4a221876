// A command as a user would type it, for messages and pages.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/options.h"

namespace cli {

/// A word as a shell takes it: quoted where it must be.
std::string shell_word(std::string_view word);

/// " -m m.gguf --chunks 2": the options that were given with something else than their default, in
/// the order of the table and by their first names; those whose keys `without` has are left out.
std::string given_options(std::span<const Option> options, const Args& args,
                          std::span<const std::string_view> without);

}  // namespace cli
