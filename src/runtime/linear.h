// The only door to quantized weights (docs/design.md section 3): shows the input to the observers,
// packs it once, and hands rows of the weights to the team.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/pass.h"
#include "runtime/weights.h"

namespace runtime {

/// Rows of f32 activations that enter matrix `matrix` of every target.
struct Operand {
  std::size_t matrix = 0;
  const float* x = nullptr;
  std::size_t stride = 0;               ///< floats between rows
  const std::uint32_t* rows = nullptr;  ///< which rows of x; null = the first n_rows
  std::size_t n_rows = 0;
  std::size_t first_out = 0;  ///< output row of the first one
};

/// One weight and where its products go: row i of operand o goes to
/// out + o * operand_stride + (first_out + i) * stride, weight.rows values.
struct Target {
  model::Role role = model::Role::count;
  const Weight* weight = nullptr;
  float* out = nullptr;
  std::size_t stride = 0;          ///< floats between output rows
  std::size_t operand_stride = 0;  ///< floats between the outputs of operands
  const float* bias = nullptr;     ///< weight.rows values, added to every row of matrix 0
  std::size_t bias_stride = 0;     ///< floats from one matrix's bias to the next; 0 = one for all
};

enum class Watch : std::uint8_t { yes, no };

/// Multiplies every operand with its matrix of every target; targets share the input and its width.
/// Same bits for any thread count. Targets of one role are pieces of one tensor, which observers
/// are shown once.
void linear(const Pass& pass, std::span<const Target> targets, std::span<const Operand> operands,
            Watch watch = Watch::yes);

/// The common case: all rows of x [n, cols] through one matrix each.
void linear(const Pass& pass, std::span<const Target> targets, const Rows& x);

/// Shows rows to the observers that want this role.
void observe(const Pass& pass, model::Role role, std::span<const Operand> operands,
             std::size_t cols);
bool is_watched(const Pass& pass, model::Role role);

}  // namespace runtime
