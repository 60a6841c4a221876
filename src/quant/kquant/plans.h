// How far the K-quant encoders search. Measured; the comment at each says what it buys.
#pragma once

#include "quant/fit/super_affine.h"
#include "quant/fit/super_symmetric.h"

namespace quant::kquant {

/// For codes 0..high.
const fit::SuperAffinePlan& affine_plan(Effort effort, int high) noexcept;
/// For codes -magnitude..magnitude - 1.
const fit::SuperSymmetricPlan& symmetric_plan(Effort effort, int magnitude) noexcept;

}  // namespace quant::kquant
