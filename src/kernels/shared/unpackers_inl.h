// The list of unpackers and decoders. A new one: its struct in the family's file, its line here.
// The folder's vec_inl.h must be included before.
#pragma once

#include "kernels/shared/ops_inl.h"
#include "kernels/shared/unpack_codebook_inl.h"
#include "kernels/shared/unpack_interleave_inl.h"
#include "kernels/shared/unpack_interleave_levels_inl.h"
#include "kernels/shared/unpack_interleave_ternary_inl.h"
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
  Unpack unpack;  ///< null for floats
  Decode decode;  ///< null: the codec does it
};
template <class Format>
constexpr UnpackEntry entry(const quant::Codec& codec) noexcept {
  if constexpr (requires { Format::decode; }) {
    return {&codec, unpack_row<Format>, Format::decode};
  } else {
    return {&codec, unpack_row<Format>, decode_rows<Format>};
  }
}

template <CacheType kType>
void decode_plain(const std::byte* row, std::size_t cols, float* out) noexcept {
  from_cache(kType, row, cols, out);
}

/// Sixteen rows, two columns of a row in a word of 32 bits.
inline void decode_bf16_r16(const std::byte* group, std::size_t cols, float* out) noexcept {
  const __m256i step = _mm256_setr_epi32(0, 16, 32, 48, 64, 80, 96, 112);
  for (std::size_t r = 0; r < 16; ++r, out += cols) {
    const std::byte* p = group + 4 * r;
    std::size_t c = 0;
    for (; c + 16 <= cols; c += 16) {
      const auto* words = reinterpret_cast<const int*>(p + 32 * c);
      const __m256i pairs = _mm256_i32gather_epi32(words, step, 4);
      std::byte row[32];
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(row), pairs);
      from_cache(CacheType::bf16, row, 16, out + c);
    }
    for (; c < cols; c += 2) from_cache(CacheType::bf16, p + 32 * c, 2, out + c);
  }
}

constexpr UnpackEntry kUnpackers[] = {
    {&quant::f32, nullptr, decode_plain<CacheType::f32>},
    {&quant::f16, nullptr, decode_plain<CacheType::f16>},
    {&quant::bf16, nullptr, decode_plain<CacheType::bf16>},
    {&quant::bf16_r16, nullptr, decode_bf16_r16},
    entry<UnpackQ4_0>(quant::q4_0),
    entry<UnpackQ4_1>(quant::q4_1),
    entry<UnpackQ5_0>(quant::q5_0),
    entry<UnpackQ5_1>(quant::q5_1),
    entry<UnpackQ6_0>(quant::q6_0),
    entry<UnpackQ8_0>(quant::q8_0),
    entry<UnpackQ2K>(quant::q2_K),
    entry<UnpackQ3K>(quant::q3_K),
    entry<UnpackQ4K>(quant::q4_K),
    entry<UnpackQ5K>(quant::q5_K),
    entry<UnpackQ6K>(quant::q6_K),
    entry<UnpackIq4Nl>(quant::iq4_nl),
    entry<UnpackIq4Xs>(quant::iq4_xs),
    entry<UnpackMxfp4>(quant::mxfp4),
    entry<UnpackIq1S>(quant::iq1_s),
    entry<UnpackIq1M>(quant::iq1_m),
    entry<UnpackIq2Xxs>(quant::iq2_xxs),
    entry<UnpackIq2Xs>(quant::iq2_xs),
    entry<UnpackIq2S>(quant::iq2_s),
    entry<UnpackIq3Xxs>(quant::iq3_xxs),
    entry<UnpackIq3S>(quant::iq3_s),
    entry<UnpackIq2K>(quant::iq2_k),
    entry<UnpackIq3K>(quant::iq3_k),
    entry<UnpackIq4K>(quant::iq4_k),
    entry<UnpackIq5K>(quant::iq5_k),
    entry<UnpackIq6K>(quant::iq6_k),
    entry<UnpackIq2Ks>(quant::iq2_ks),
    entry<UnpackIq3Ks>(quant::iq3_ks),
    entry<UnpackIq4Ks>(quant::iq4_ks),
    entry<UnpackIq5Ks>(quant::iq5_ks),
    entry<UnpackIq4Kss>(quant::iq4_kss),
    entry<UnpackIq2Kl>(quant::iq2_kl),
    entry<UnpackQ8Kv>(quant::q8_KV),
    entry<UnpackIq1Kt>(quant::iq1_kt),
    entry<UnpackIq2Kt>(quant::iq2_kt),
    entry<UnpackIq3Kt>(quant::iq3_kt),
    entry<UnpackIq4Kt>(quant::iq4_kt),
    entry<UnpackTq1_0>(quant::tq1_0),
    entry<UnpackTq2_0>(quant::tq2_0),
    entry<UnpackNvfp4>(quant::nvfp4),
    entry<UnpackQ1_0>(quant::q1_0_g128),
    entry<UnpackQ2_0>(quant::q2_0),
    entry<UnpackIq1Bn>(quant::iq1_bn),
    entry<UnpackIq2Bn>(quant::iq2_bn),
    entry<UnpackQ4_0R8>(quant::q4_0_r8),
    entry<UnpackQ5_0R4>(quant::q5_0_r4),
    entry<UnpackQ6_0R4>(quant::q6_0_r4),
    entry<UnpackQ8_0R8>(quant::q8_0_r8),
    entry<UnpackQ2KR4>(quant::q2_k_r4),
    entry<UnpackQ3KR4>(quant::q3_k_r4),
    entry<UnpackQ4KR4>(quant::q4_k_r4),
    entry<UnpackQ5KR4>(quant::q5_k_r4),
    entry<UnpackQ6KR4>(quant::q6_k_r4),
    entry<UnpackIq2XxsR4>(quant::iq2_xxs_r4),
    entry<UnpackIq2XsR4>(quant::iq2_xs_r4),
    entry<UnpackIq2SR4>(quant::iq2_s_r4),
    entry<UnpackIq3XxsR4>(quant::iq3_xxs_r4),
    entry<UnpackIq3SR4>(quant::iq3_s_r4),
    entry<UnpackIq1SR4>(quant::iq1_s_r4),
    entry<UnpackIq1MR4>(quant::iq1_m_r4),
    entry<UnpackIq4NlR4>(quant::iq4_nl_r4),
    entry<UnpackIq4XsR8>(quant::iq4_xs_r8),
    entry<UnpackIq2KR4>(quant::iq2_k_r4),
    entry<UnpackIq3KR4>(quant::iq3_k_r4),
    entry<UnpackIq4KR4>(quant::iq4_k_r4),
    entry<UnpackIq5KR4>(quant::iq5_k_r4),
    entry<UnpackIq4KsR4>(quant::iq4_ks_r4),
    entry<UnpackIq5KsR4>(quant::iq5_ks_r4),
    entry<UnpackIq2BnR4>(quant::iq2_bn_r4),
    entry<UnpackMxfp4R8>(quant::mxfp4_r8),
    entry<UnpackQ8KvR8>(quant::q8_KV_r8),
    entry<UnpackQ8KR8>(quant::q8_k_r8),
};

inline const UnpackEntry* find_entry(const quant::Codec& codec) noexcept {
  for (const UnpackEntry& entry : kUnpackers) {
    if (entry.codec == &codec) return &entry;
  }
  return nullptr;
}
/// Null for formats that are decoded to f32.
inline Unpack find_unpacker(const quant::Codec& codec) noexcept {
  const UnpackEntry* entry = find_entry(codec);
  return entry == nullptr ? nullptr : entry->unpack;
}
Decode find_decoder(const quant::Codec& codec) noexcept {
  const UnpackEntry* entry = find_entry(codec);
  return entry == nullptr ? nullptr : entry->decode;
}

}  // namespace
}  // namespace kernels
