#pragma once

#include <cstddef>
#include <string_view>

namespace cli {

/// How many rows above its end a line of input begins, on a screen of `columns` (> 0): a prompt of
/// two columns, then `text`, as the terminal wraps it. Widths are those of the locale; control
/// characters are shown as two (^X), tabs as blanks, a line feed begins a row.
std::size_t rows_above_end(std::wstring_view text, std::size_t columns) noexcept;

}  // namespace cli
