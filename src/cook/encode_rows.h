// A run of rows of one tensor: read, decode and encode or repack, check.
#pragma once

#include <vector>

#include "cook/importance_choice.h"
#include "cook/plan.h"
#include "cook/units.h"
#include "kernels/table.h"

namespace cook {

/// Buffers of one thread, reused from unit to unit.
struct Scratch {
  std::vector<std::byte> source, encoded;
  std::vector<float> rows;
  float largest = 0;  ///< magnitude in `rows`
};

/// How rows are turned.
struct Means {
  quant::Effort effort = quant::Effort::best;
  const kernels::KernelTable& kernels;  ///< decodes the source; the bytes do not depend on it
};

/// Bytes of the output for one unit of rows; valid until the scratch is used again. Throws
/// Fault::bad_input with tensor, row and column for values that are not finite, with tensor and
/// row for those too large for the format, and for blocks that the format's own check refuses.
std::span<const std::byte> encode_rows(const TensorSource& source, const Job& job, const Unit& unit,
                                       const RowWeights& weights, const Means& means,
                                       Scratch& scratch);

/// Looks at the blocks of a copied unit. Throws Fault::bad_input with tensor, row and block.
void check_copied(const Job& job, const Unit& unit, std::span<const std::byte> bytes);

}  // namespace cook
