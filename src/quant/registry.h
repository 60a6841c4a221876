// The formats themselves. Outside quant/ use find_codec; tests may name one directly.
#pragma once

#include "quant/codec.h"

namespace quant {

extern const Codec f32, f16, bf16;  // plain/
extern const Codec q8_0;            // legacy/

extern const Codec iq2_xxs, iq3_s;  // codebook/

}  // namespace quant
