// The list of unpackers. A new one: its struct in the family's file, its line here.
#pragma once

#include "kernels/shared/unpack_codebook_inl.h"
#include "kernels/shared/unpack_interleave_inl.h"
#include "kernels/shared/unpack_interleave_levels_inl.h"
#include "kernels/shared/unpack_iqk_inl.h"
#include "kernels/shared/unpack_kquant_inl.h"
#include "kernels/shared/unpack_legacy_inl.h"
#include "kernels/shared/unpack_ternary_inl.h"
#include "kernels/shared/unpack_trellis_inl.h"
#include "quant/registry.h"

namespace kernels {
namespace {

struct UnpackEntry {
  const quant::Codec* codec;
  Unpack unpack;
};

constexpr UnpackEntry kUnpackers[] = {
    {&quant::q4_0, unpack_row<UnpackQ4_0>},
    {&quant::q4_1, unpack_row<UnpackQ4_1>},
    {&quant::q5_0, unpack_row<UnpackQ5_0>},
    {&quant::q5_1, unpack_row<UnpackQ5_1>},
    {&quant::q6_0, unpack_row<UnpackQ6_0>},
    {&quant::q8_0, unpack_row<UnpackQ8_0>},
    {&quant::q2_K, unpack_row<UnpackQ2K>},
    {&quant::q3_K, unpack_row<UnpackQ3K>},
    {&quant::q4_K, unpack_row<UnpackQ4K>},
    {&quant::q5_K, unpack_row<UnpackQ5K>},
    {&quant::q6_K, unpack_row<UnpackQ6K>},
    {&quant::iq4_nl, unpack_row<UnpackIq4Nl>},
    {&quant::iq4_xs, unpack_row<UnpackIq4Xs>},
    {&quant::mxfp4, unpack_row<UnpackMxfp4>},
    {&quant::iq1_s, unpack_row<UnpackIq1S>},
    {&quant::iq1_m, unpack_row<UnpackIq1M>},
    {&quant::iq2_xxs, unpack_row<UnpackIq2Xxs>},
    {&quant::iq2_xs, unpack_row<UnpackIq2Xs>},
    {&quant::iq2_s, unpack_row<UnpackIq2S>},
    {&quant::iq3_xxs, unpack_row<UnpackIq3Xxs>},
    {&quant::iq3_s, unpack_row<UnpackIq3S>},
    {&quant::iq2_k, unpack_row<UnpackIq2K>},
    {&quant::iq3_k, unpack_row<UnpackIq3K>},
    {&quant::iq4_k, unpack_row<UnpackIq4K>},
    {&quant::iq5_k, unpack_row<UnpackIq5K>},
    {&quant::iq6_k, unpack_row<UnpackIq6K>},
    {&quant::iq2_ks, unpack_row<UnpackIq2Ks>},
    {&quant::iq3_ks, unpack_row<UnpackIq3Ks>},
    {&quant::iq4_ks, unpack_row<UnpackIq4Ks>},
    {&quant::iq5_ks, unpack_row<UnpackIq5Ks>},
    {&quant::iq4_kss, unpack_row<UnpackIq4Kss>},
    {&quant::iq2_kl, unpack_row<UnpackIq2Kl>},
    {&quant::q8_KV, unpack_row<UnpackQ8Kv>},
    {&quant::iq1_kt, unpack_row<UnpackIq1Kt>},
    {&quant::iq2_kt, unpack_row<UnpackIq2Kt>},
    {&quant::iq3_kt, unpack_row<UnpackIq3Kt>},
    {&quant::iq4_kt, unpack_row<UnpackIq4Kt>},
    {&quant::tq1_0, unpack_row<UnpackTq1_0>},
    {&quant::tq2_0, unpack_row<UnpackTq2_0>},
    {&quant::nvfp4, unpack_row<UnpackNvfp4>},
    {&quant::q1_0_g128, unpack_row<UnpackQ1_0>},
    {&quant::q2_0, unpack_row<UnpackQ2_0>},
    {&quant::iq1_bn, unpack_row<UnpackIq1Bn>},
    {&quant::iq2_bn, unpack_row<UnpackIq2Bn>},
    {&quant::q4_0_r8, unpack_row<UnpackQ4_0R8>},
    {&quant::q5_0_r4, unpack_row<UnpackQ5_0R4>},
    {&quant::q6_0_r4, unpack_row<UnpackQ6_0R4>},
    {&quant::q8_0_r8, unpack_row<UnpackQ8_0R8>},
    {&quant::q2_k_r4, unpack_row<UnpackQ2KR4>},
    {&quant::q3_k_r4, unpack_row<UnpackQ3KR4>},
    {&quant::q4_k_r4, unpack_row<UnpackQ4KR4>},
    {&quant::q5_k_r4, unpack_row<UnpackQ5KR4>},
    {&quant::q6_k_r4, unpack_row<UnpackQ6KR4>},
    {&quant::iq2_xxs_r4, unpack_row<UnpackIq2XxsR4>},
    {&quant::iq2_xs_r4, unpack_row<UnpackIq2XsR4>},
    {&quant::iq2_s_r4, unpack_row<UnpackIq2SR4>},
    {&quant::iq3_xxs_r4, unpack_row<UnpackIq3XxsR4>},
    {&quant::iq3_s_r4, unpack_row<UnpackIq3SR4>},
    {&quant::iq4_nl_r4, unpack_row<UnpackIq4NlR4>},
    {&quant::iq4_xs_r8, unpack_row<UnpackIq4XsR8>},
    {&quant::iq2_k_r4, unpack_row<UnpackIq2KR4>},
    {&quant::iq3_k_r4, unpack_row<UnpackIq3KR4>},
    {&quant::iq4_k_r4, unpack_row<UnpackIq4KR4>},
    {&quant::iq5_k_r4, unpack_row<UnpackIq5KR4>},
    {&quant::iq4_ks_r4, unpack_row<UnpackIq4KsR4>},
    {&quant::iq5_ks_r4, unpack_row<UnpackIq5KsR4>},
    {&quant::iq2_bn_r4, unpack_row<UnpackIq2BnR4>},
    {&quant::mxfp4_r8, unpack_row<UnpackMxfp4R8>},
    {&quant::q8_KV_r8, unpack_row<UnpackQ8KvR8>},
    {&quant::q8_k_r8, unpack_row<UnpackQ8KR8>},
};

/// Null for formats that are decoded to f32.
inline Unpack find_unpacker(const quant::Codec& codec) noexcept {
  for (const UnpackEntry& entry : kUnpackers) {
    if (entry.codec == &codec) return entry.unpack;
  }
  return nullptr;
}

}  // namespace
}  // namespace kernels
