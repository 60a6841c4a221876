// NaN and infinity among floats from outside.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace base {

/// The largest |x|; infinite or not a number if any value is. 0 for none. Reads at memory speed.
float largest_magnitude(std::span<const float> x) noexcept;

/// Index of the first value that is NaN or infinite; none if all are finite. Reads at memory speed.
std::optional<std::size_t> first_not_finite(std::span<const float> x) noexcept;

/// "not a number" or "infinite", for a value that is not finite.
std::string_view not_finite_text(float x) noexcept;

}  // namespace base
