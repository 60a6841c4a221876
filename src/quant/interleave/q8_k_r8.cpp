// q8_k_r8: 8 rows of signed bytes, one f16 scale for 256 columns of a row; 8.0625 bits per weight.
// It has no plain counterpart in files. Source: docs/spec/types/interleaved.md, section 16.
#include "quant/interleave/q8_k_rows.h"
#include "quant/registry.h"

namespace quant {

const Codec q8_k_r8 =
    Q8KRows<8, 0>::codec(399, "q8_k_r8", "docs/spec/types/interleaved.md, section 16");

}  // namespace quant
