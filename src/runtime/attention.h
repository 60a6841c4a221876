// The mixers of a layer: attention with grouped keys and values, and latent attention (MLA).
#pragma once

#include "runtime/linear.h"
#include "runtime/pass.h"

namespace runtime {

/// Query rows of one head over the keys of one sequence: what both mixers hand to the kernel.
struct QueryBlock {
  const float* q = nullptr;
  std::size_t q_stride = 0, n_q = 0;  ///< stride in floats
  const std::uint32_t* first = nullptr;
  const std::uint32_t* last = nullptr;  ///< [n_q] visible keys
  const std::vector<kernels::KvRun>* runs = nullptr;
  std::size_t head_key_offset = 0, head_value_offset = 0;  ///< bytes inside a cache row
  const float* sink = nullptr;
  float* out = nullptr;
  std::size_t out_stride = 0;
};

/// What is the same for all blocks of one call.
struct QueryShape {
  std::size_t key_dim = 0, value_dim = 0;
  kernels::CacheType type = kernels::CacheType::f32;
  std::size_t k_stride = 0, v_stride = 0;  ///< bytes
  float scale = 0, soft_cap = 0;
};

/// Runs all blocks on the team.
void attend(const Pass& pass, const QueryShape& shape, std::span<const QueryBlock> blocks);

/// Query rows a block: fixed, so that results do not depend on the team.
inline constexpr std::size_t kQueryRows = 64;
/// Heads of one token a block, fixed for the same reason: heads spread over the team, and blocks of
/// at most so many rows are cut along a long cache as well.
inline constexpr std::size_t kHeadRows = 16;

/// x [n, n_embd] (normed) to out [n, n_embd].
void run_attention(const Pass& pass, const model::AttentionPlan& plan, const Rows& x,
                   const Matrix& out);
void run_mla(const Pass& pass, const model::MlaPlan& plan, const Rows& x, const Matrix& out);

/// Rotation angles up to the last position of the batch.
const float* rope_rows(const Pass& pass, const model::RopePlan& plan);

}  // namespace runtime
