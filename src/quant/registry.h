// The formats themselves. Outside quant/ use find_codec; tests may name one directly.
#pragma once

#include "quant/codec.h"

namespace quant {

extern const Codec f32, f16, bf16;                      // plain/
extern const Codec q4_0, q4_1, q5_0, q5_1, q6_0, q8_0;  // legacy/
extern const Codec q2_K, q3_K, q4_K, q5_K, q6_K;        // kquant/
extern const Codec iq4_nl, iq4_xs;                      // nonlinear/
extern const Codec iq4_ks;                              // iqk/
extern const Codec iq2_xxs, iq3_s;                      // codebook/

}  // namespace quant
