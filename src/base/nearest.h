// "Did you mean ...?": the word of a list that a mistyped word comes closest to.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace base {

/// The candidate with the fewest edits (insert, delete, replace, swap of neighbours; ASCII case,
/// '-' and '_' do not count), or the only one that begins with `word`. Empty if none is close: at
/// most a third of the letters may differ. The first of several equally near ones.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "did you mean NEAREST?" or "".
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace base
