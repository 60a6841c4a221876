// The formats themselves. Outside quant/ use find_codec; tests may name one directly.
#pragma once

#include "quant/flat.h"

namespace quant {

extern const Codec f32, f16, bf16;                                        // plain/
extern const Codec q4_0, q4_1, q5_0, q5_1, q6_0, q8_0;                    // legacy/
extern const Codec q2_K, q3_K, q4_K, q5_K, q6_K;                          // kquant/
extern const Codec iq1_s, iq1_m, iq2_xxs, iq2_xs, iq2_s, iq3_xxs, iq3_s;  // codebook/
extern const Codec iq1_kt, iq2_kt, iq3_kt, iq4_kt;                        // trellis/
extern const Codec tq1_0, tq2_0, nvfp4, q1_0_g128, q2_0, iq1_bn, iq2_bn;  // ternary/

extern const FlatFormat i2_s;  // ternary/

// nonlinear/
extern const Codec iq4_nl, iq4_xs, mxfp4;

// iqk/
extern const Codec iq2_k, iq3_k, iq4_k, iq5_k, iq6_k, iq4_ks;
extern const Codec iq2_ks, iq4_kss, q8_KV, iq5_ks, iq3_ks, iq2_kl;

// interleave/
extern const Codec q4_0_r8, q5_0_r4, q8_0_r8, q2_k_r4, q3_k_r4, q4_k_r4;
extern const Codec q5_k_r4, q6_k_r4, iq2_xxs_r4, iq2_xs_r4, iq3_xxs_r4, iq4_nl_r4;
extern const Codec iq3_s_r4, iq2_s_r4, iq4_xs_r8, bf16_r16, q6_0_r4, iq2_bn_r4;
extern const Codec iq2_k_r4, iq3_k_r4, iq4_k_r4, iq5_k_r4, iq4_ks_r4, iq5_ks_r4;
extern const Codec mxfp4_r8, q8_KV_r8, q8_k_r8, q8_k_r16, iq1_s_r4, iq1_m_r4;

}  // namespace quant
