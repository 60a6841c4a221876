// q8_k_r16: as q8_k_r8 with 16 rows, and bytes that count from -128; 8.0625 bits per weight. Made
// for running only: no recipe writes it. Source: docs/spec/types/interleaved.md, section 17.
#include "quant/interleave/q8_k_rows.h"
#include "quant/registry.h"

namespace quant {

const Codec q8_k_r16 =
    Q8KRows<16, 128>::codec(397, "q8_k_r16", "docs/spec/types/interleaved.md, section 17");

}  // namespace quant
