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

// interleave/
extern const Codec q4_0_r8, q5_0_r4, q6_0_r4, q8_0_r8;
extern const Codec q2_k_r4, q3_k_r4, q4_k_r4, q5_k_r4, q6_k_r4;
extern const Codec iq4_nl_r4, iq4_xs_r8, iq4_ks_r4;
extern const Codec iq2_xxs_r4, iq3_s_r4;

}  // namespace quant
