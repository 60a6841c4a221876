// Where NaN first appears: without it, a broken weight shows only as a logit at the very end.
#pragma once

#include <string_view>

#include "runtime/pass.h"

namespace runtime {

/// Looks at every row that a part of a layer ("attention", "feed-forward", "embedding", "output")
/// has made; `rows` [n, cols] are tokens of the batch, the i-th of them token `tokens[i]` (empty:
/// i). Throws Fault::bad_input with layer, part, token id and position, and the first broken tensor
/// of that layer if one is found.
void check_finite(const Pass& pass, const Rows& rows, std::string_view part,
                  std::span<const std::uint32_t> tokens = {});

}  // namespace runtime
