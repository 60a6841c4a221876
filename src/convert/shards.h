#pragma once

#include <cstdint>
#include <vector>

#include "cook/plan.h"

namespace convert {

/// Which file of the output each tensor goes into when none may hold more than `max_bytes`: a new
/// one begins before the tensor with which it would hold more (tensors rounded up to 32 bytes,
/// metadata not counted, as `quern split`); by index of the source's tensors.
struct Shards {
  std::vector<std::size_t> of_tensor;
  std::size_t count = 1;
};
/// Throws Fault::bad_usage if more files would be needed than readers allow.
Shards plan_shards(const cook::Plan& plan, std::uint64_t max_bytes);

}  // namespace convert
