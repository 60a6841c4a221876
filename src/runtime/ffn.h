// The feed-forward parts of a layer.
#pragma once

#include "runtime/linear.h"
#include "runtime/pass.h"

namespace runtime {

/// x [n, n_embd] (normed) to out [n, n_embd].
void run_dense_ffn(const Pass& pass, const model::DenseFfnPlan& plan, const Rows& x,
                   const Matrix& out);
/// Experts grouped by weight: each expert's weights are read once a batch.
void run_moe(const Pass& pass, const model::MoePlan& plan, const Rows& x, const Matrix& out);

}  // namespace runtime
