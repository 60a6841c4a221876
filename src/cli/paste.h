// What terminals send around a paste ("bracketed paste" of xterm and all that came after it), and
// what of it is text.
#pragma once

#include <string>
#include <string_view>

namespace cli {

inline constexpr std::string_view kPasteMarksOn = "\033[?2004h", kPasteMarksOff = "\033[?2004l";
inline constexpr std::string_view kPasteEnd = "\033[201~";

/// Valid UTF-8 of a paste: line ends of any kind as line feeds, none at the end; control characters
/// but tabs dropped; broken bytes as U+FFFD.
std::string pasted_text(std::string_view bytes);

}  // namespace cli
