// The level tables in use, each with its rounding loops.
#pragma once

#include "quant/iqk/level_kernel.h"

namespace quant {

extern const LevelKernel kernel_t2;        // iq2_k, iq2_ks
extern const LevelKernel kernel_t3;        // iq3_k, iq3_ks
extern const LevelKernel kernel_t4;        // iq4_k, iq4_ks
extern const LevelKernel kernel_t4_plain;  // iq4_nl, iq4_xs: the plain half only
extern const LevelKernel kernel_t5;        // iq5_k, iq5_ks
extern const LevelKernel kernel_t6;        // iq6_k

}  // namespace quant
