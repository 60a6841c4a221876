// Text from files made safe to print: what a terminal would obey is shown, not sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace base {

/// Valid UTF-8 stays; control characters and broken bytes become \n, \t or \xNN. Cut to at most
/// about `limit` bytes of the input, between characters, with "..." behind.
std::string printable(std::string_view text, std::size_t limit = 120);

}  // namespace base
