#include "cli/screen_rows.h"

#include <wchar.h>  // wcwidth is POSIX

namespace cli {

std::size_t rows_above_end(std::wstring_view text, std::size_t columns) noexcept {
  constexpr std::size_t kPrompt = 2, kControl = 2, kTab = 8;
  std::size_t rows = 0, column = kPrompt;
  const auto put = [&](std::size_t width) {
    if (column + width > columns) {
      ++rows;
      column = 0;
    }
    column += width;
  };
  for (const wchar_t c : text) {
    if (c == L'\n') {
      ++rows;
      column = 0;
    } else if (c == L'\t') {
      do put(1);
      while (column % kTab != 0);
    } else {
      const int stated = ::wcwidth(c);
      put(stated < 0 ? kControl : static_cast<std::size_t>(stated));
    }
  }
  // Behind a full row the editor goes on in the next one.
  return column == columns ? rows + 1 : rows;
}

}  // namespace cli
