#include "quant/registry.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace quant {
namespace {

// Adding a format: its file, its name in registry.h, its line here (ascending id).
const Codec* const kCodecs[] = {
    &f32,         // 0
    &f16,         // 1
    &q4_0,        // 2
    &q4_1,        // 3
    &q5_0,        // 6
    &q5_1,        // 7
    &q8_0,        // 8
    &q2_K,        // 10
    &q3_K,        // 11
    &q4_K,        // 12
    &q5_K,        // 13
    &q6_K,        // 14
    &iq2_xxs,     // 16
    &iq2_xs,      // 17
    &iq3_xxs,     // 18
    &iq1_s,       // 19
    &iq4_nl,      // 20
    &iq3_s,       // 21
    &iq2_s,       // 22
    &iq4_xs,      // 23
    &iq1_m,       // 29
    &bf16,        // 30
    &tq1_0,       // 34
    &tq2_0,       // 35
    &mxfp4,       // 39
    &nvfp4,       // 40
    &q1_0_g128,   // 41
    &q2_0,        // 42
    &q6_0,        // 133
    &iq1_bn,      // 134
    &iq2_bn,      // 135
    &iq2_k,       // 137
    &iq3_k,       // 138
    &iq4_k,       // 139
    &iq5_k,       // 140
    &iq6_k,       // 141
    &iq4_ks,      // 144
    &iq2_ks,      // 145
    &iq4_kss,     // 146
    &q8_KV,       // 151
    &iq5_ks,      // 152
    &iq2_kt,      // 153
    &iq3_kt,      // 154
    &iq4_kt,      // 155
    &iq3_ks,      // 156
    &iq2_kl,      // 157
    &iq1_kt,      // 158
    &q4_0_r8,     // 202
    &q5_0_r4,     // 206
    &q8_0_r8,     // 208
    &q2_k_r4,     // 210
    &q3_k_r4,     // 211
    &q4_k_r4,     // 212
    &q5_k_r4,     // 213
    &q6_k_r4,     // 214
    &iq2_xxs_r4,  // 216
    &iq2_xs_r4,   // 217
    &iq3_xxs_r4,  // 218
    &iq1_s_r4,    // 219
    &iq4_nl_r4,   // 220
    &iq3_s_r4,    // 221
    &iq2_s_r4,    // 222
    &iq4_xs_r8,   // 223
    &iq1_m_r4,    // 229
    &bf16_r16,    // 230
    &q6_0_r4,     // 233
    &iq2_bn_r4,   // 335
    &iq2_k_r4,    // 337
    &iq3_k_r4,    // 338
    &iq4_k_r4,    // 339
    &iq5_k_r4,    // 340
    &iq4_ks_r4,   // 344
    &iq5_ks_r4,   // 352
    &mxfp4_r8,    // 353
    &q8_k_r16,    // 397
    &q8_KV_r8,    // 398
    &q8_k_r8,     // 399
};

// The same for formats without rows.
const FlatFormat* const kFlatFormats[] = {&i2_s};

struct Unknown {
  std::uint32_t first, last;
  std::string_view why;
};
// Source: docs/spec/types/README.md, "Behaviour on foreign ids".
constexpr Unknown kUnknown[] = {
    {4, 5, "Q4_2 / Q4_3, removed from both programs"},
    {9, 9, "q8_1, an activation format that never stands in files"},
    {15, 15, "q8_K, an activation format that never stands in files"},
    {31, 33, "an obsolete ARM repacking of q4_0; quantize the original again"},
    {37, 38, "removed from llama.cpp"},
    {97, 99, "an activation format that never stands in files"},
    {136, 136, "an activation format that never stands in files"},
    {142, 143, "iq2_tn / iq1_tn, removed from ik_llama.cpp"},
    {147, 150, "an activation format that never stands in files"},
};

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

}  // namespace

std::span<const Codec* const> all_codecs() noexcept { return kCodecs; }

const Codec* find_codec(std::uint32_t id) noexcept {
  const auto* it = std::find_if(std::begin(kCodecs), std::end(kCodecs),
                                [id](const Codec* c) { return c->id == id; });
  return it == std::end(kCodecs) ? nullptr : *it;
}

const Codec* find_codec(std::string_view name) noexcept {
  const auto* it = std::find_if(std::begin(kCodecs), std::end(kCodecs), [name](const Codec* c) {
    return equal_ignoring_case(c->name, name);
  });
  return it == std::end(kCodecs) ? nullptr : *it;
}

std::span<const FlatFormat* const> all_flat_formats() noexcept { return kFlatFormats; }

const FlatFormat* find_flat_format(std::uint32_t id) noexcept {
  const auto* it = std::find_if(std::begin(kFlatFormats), std::end(kFlatFormats),
                                [id](const FlatFormat* f) { return f->id == id; });
  return it == std::end(kFlatFormats) ? nullptr : *it;
}

const FlatFormat* find_flat_format(std::string_view name) noexcept {
  const auto* it =
      std::find_if(std::begin(kFlatFormats), std::end(kFlatFormats),
                   [name](const FlatFormat* f) { return equal_ignoring_case(f->name, name); });
  return it == std::end(kFlatFormats) ? nullptr : *it;
}

std::string_view why_unknown(std::uint32_t id) noexcept {
  for (const Unknown& u : kUnknown) {
    if (id >= u.first && id <= u.last) return u.why;
  }
  return "unknown; written by a newer program?";
}

}  // namespace quant
