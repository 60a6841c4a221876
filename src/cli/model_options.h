// Options that several commands share, and what they mean.
#pragma once

#include <array>
#include <cstddef>

#include "cli/options.h"

namespace cli {

/// Joins option tables at compile time.
template <std::size_t A, std::size_t B>
constexpr std::array<Option, A + B> join(const std::array<Option, A>& a,
                                         const std::array<Option, B>& b) {
  std::array<Option, A + B> out{};
  for (std::size_t i = 0; i < A; ++i) out[i] = a[i];
  for (std::size_t i = 0; i < B; ++i) out[A + i] = b[i];
  return out;
}

/// How to compute; for every command that does arithmetic.
inline constexpr std::array<Option, 2> kComputeOptions{{
    {.names = "-t, --threads",
     .value = "N",
     .default_value = "-1",
     .help = "threads; -1 = one for each physical core",
     .values = integers_or(-1, 1, 4096)},
    {.names = "--kernels",
     .value = "NAME",
     .default_value = "auto",
     .help = "instruction set: auto, reference, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx",
     .values = one_of("auto|reference|avx2|avxvnni|avx512|avx512vnni|avx512bf16|amx")},
}};

/// For commands that run a model.
inline constexpr std::array<Option, 5> kModelOptions{{
    {.names = "-m, --model",
     .value = "FILE",
     .help = "model, or the first file of a split set",
     .values = kModelFile},
    {.names = "-ctk, --cache-type-k",
     .value = "TYPE",
     .default_value = "f16",
     .help = "number format of the key and value cache: f32, f16, bf16",
     .values = one_of("f32|f16|bf16"),
     .hint = "the cache is not quantized here: leave the option out, or -ctk f16"},
    {.names = "-mla, --mla-use, --mla",
     .value = "MODE",
     .default_value = "auto",
     .help = "latent attention: auto, expanded, absorbed, or 0 to 3 as in ik_llama.cpp",
     .values = one_of("auto|expanded|absorbed|0|1|2|3")},
    {.names = "--rules",
     .value = "NAME",
     .default_value = "original",
     .help =
         "whose arithmetic where programs differ from a model's authors: original, ik, llama.cpp",
     .values = one_of("original|ik|llama.cpp")},
    {.names = "-fa, --flash-attn",
     .value = "on|off|auto",
     .default_value = "on",
     .help = "accepted for scripts; attention is always computed blockwise",
     .bare = "on",
     .values = one_of("on|off|auto|1|0")},
}};

// Options of several commands that stand at different places of their lists.
inline constexpr Option kUbatchOption{.names = "-ub, --ubatch-size",
                                      .value = "N",
                                      .default_value = "512",
                                      .help = "tokens that a layer computes at once",
                                      .values = integers(1, kManyTokens)};
inline constexpr Option kNoEscapeOption{.names = "--no-escape",
                                        .help = "keep backslash sequences of the text as they are"};
inline constexpr Option kLoopOption{
    .names = "--loop",
    .value = "token|layer",
    .default_value = "token",
    .help = "token: weights stay in memory; layer: each layer is read once for the whole text",
    .values = one_of()};

/// For commands that run a fixed text through a model.
inline constexpr std::array<Option, 7> kTextOptions{{
    {.names = "-f, --file", .value = "FILE", .help = "text", .values = kFile},
    {.names = "-c, --ctx-size",
     .value = "N",
     .default_value = "512",
     .help = "window (chunk) in tokens",
     .values = integers(8, kManyTokens)},
    {.names = "-b, --batch-size",
     .value = "N",
     .default_value = "2048",
     .help = "accepted for scripts; windows are independent of it",
     .values = integers(1, kManyTokens)},
    kUbatchOption,
    {.names = "--chunks",
     .value = "N",
     .default_value = "-1",
     .help = "at most N windows; -1 = all",
     .values = integers_or(-1, 1, kManyItems)},
    kNoEscapeOption,
    kLoopOption,
}};

}  // namespace cli
