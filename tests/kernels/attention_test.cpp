// Attention of every table that this machine supports, against the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/every_table.h"
#include "kernels/inputs.h"
#include "tensor/buffer.h"

namespace {

using kernels::AttentionArgs;
using kernels::CacheType;
using kernels::KernelTable;
using kernels_test::kGap;
using kernels_test::random_floats;

class TableAttention : public kernels_test::EveryTable {};
INSTANTIATE_TEST_SUITE_P(All, TableAttention, kernels_test::every_table(),
                         kernels_test::table_name);

struct Attention {
  std::size_t n_q, key_dim, value_dim, keys;
  CacheType type = CacheType::f16;
  float soft_cap = 0;
  bool with_sink = false;
  std::size_t window = 1u << 30;
};

std::vector<std::byte> to_cache(CacheType type, const std::vector<float>& x) {
  std::vector<std::byte> bytes(x.size() * kernels::cache_bytes(type));
  kernels::find_table("reference")->to_cache(type, x.data(), x.size(), bytes.data());
  return bytes;
}

/// Causal queries at the end of the keys; keys in runs of 1, 2, 3, ... rows.
std::vector<float> attend(const KernelTable& table, const Attention& a) {
  const std::size_t bytes = kernels::cache_bytes(a.type);
  const std::vector<std::byte> k = to_cache(a.type, random_floats(a.keys * a.key_dim, 21));
  const std::vector<std::byte> v = to_cache(a.type, random_floats(a.keys * a.value_dim, 22));
  const std::vector<float> q = random_floats(a.n_q * a.key_dim, 23);
  std::vector<kernels::KvRun> runs;
  for (std::size_t at = 0, n = 0; at < a.keys; at += n) {
    n = std::min(a.keys - at, runs.size() * 7 % 50);
    runs.push_back({k.data() + at * a.key_dim * bytes, v.data() + at * a.value_dim * bytes, n});
  }
  std::vector<std::uint32_t> first(a.n_q), last(a.n_q);
  for (std::size_t i = 0; i < a.n_q; ++i) {
    const std::size_t seen = a.keys + i + 1 > a.n_q ? a.keys + i + 1 - a.n_q : 0;
    last[i] = static_cast<std::uint32_t>(seen);
    first[i] = static_cast<std::uint32_t>(seen > a.window ? seen - a.window : 0);
  }
  const float sink = 1.5F;
  std::vector<float> out(a.n_q * (a.value_dim + kGap), 77);
  AttentionArgs args{.q = q.data(),
                     .q_stride = a.key_dim,
                     .n_q = a.n_q,
                     .key_dim = a.key_dim,
                     .value_dim = a.value_dim,
                     .type = a.type,
                     .runs = runs.data(),
                     .n_runs = runs.size(),
                     .k_stride = a.key_dim * bytes,
                     .v_stride = a.value_dim * bytes,
                     .first = first.data(),
                     .last = last.data(),
                     .scale = 1 / std::sqrt(static_cast<float>(a.key_dim)),
                     .soft_cap = a.soft_cap,
                     .sink = a.with_sink ? &sink : nullptr,
                     .out = out.data(),
                     .out_stride = a.value_dim + kGap,
                     .scratch = nullptr};
  tensor::Buffer scratch(table.attention_scratch(args));
  std::memset(scratch.data(), 0xff, scratch.size());
  args.scratch = scratch.data();
  table.attention(args);
  return out;
}

/// The same over parts of the keys, merged.
std::vector<float> attend_in_parts(const KernelTable& table, std::size_t part) {
  constexpr std::size_t kDim = 48, kAll = 300;
  const std::vector<std::byte> k = to_cache(CacheType::f16, random_floats(kAll * kDim, 21));
  const std::vector<float> q = random_floats(kDim, 23);
  const kernels::KvRun run{k.data(), k.data(), kAll};  // values are the first columns of keys
  const float sink = 0.5F;
  float top = -std::numeric_limits<float>::infinity();
  std::vector<kernels::Partial> partial;
  std::vector<std::vector<float>> outs;
  for (std::uint32_t first = 0; first < kAll; first += static_cast<std::uint32_t>(part)) {
    const auto last = static_cast<std::uint32_t>(std::min(first + part, kAll));
    kernels::Partial state{};
    std::vector<float> out(32, 77);
    AttentionArgs args{.q = q.data(),
                       .q_stride = kDim,
                       .n_q = 1,
                       .key_dim = kDim,
                       .value_dim = 32,
                       .type = CacheType::f16,
                       .runs = &run,
                       .n_runs = 1,
                       .k_stride = kDim * 2,
                       .v_stride = kDim * 2,
                       .first = &first,
                       .last = &last,
                       .scale = 0.3F,
                       .soft_cap = 0,
                       .sink = first == 0 ? &sink : nullptr,
                       .out = out.data(),
                       .out_stride = 32,
                       .partial = &state};
    tensor::Buffer scratch(table.attention_scratch(args));
    args.scratch = scratch.data();
    table.attention(args);
    top = std::max(top, state.peak);
    partial.push_back(state);
    outs.push_back(out);
  }
  std::vector<float> merged(32);
  float total = 0;
  for (const kernels::Partial& p : partial) total += std::exp(p.peak - top) * p.total;
  for (std::size_t i = 0; i < outs.size(); ++i) {
    for (std::size_t d = 0; d < 32; ++d) {
      merged[d] += std::exp(partial[i].peak - top) * outs[i][d] / total;
    }
  }
  return merged;
}

TEST_P(TableAttention, PartsOfAttentionMergeToTheWhole) {
  const std::vector<float> expected =
      attend_in_parts(*kernels::find_table("reference"), std::size_t{300});
  for (const std::size_t part : {64, 100, 300}) {
    const std::vector<float> got = attend_in_parts(table(), part);
    for (std::size_t d = 0; d < got.size(); ++d) ASSERT_NEAR(got[d], expected[d], 2e-5) << part;
  }
}

TEST_P(TableAttention, AttentionAgreesWithTheReference) {
  const Attention cases[] = {
      {.n_q = 1, .key_dim = 64, .value_dim = 64, .keys = 1},
      {.n_q = 1, .key_dim = 128, .value_dim = 128, .keys = 300},
      {.n_q = 5, .key_dim = 72, .value_dim = 40, .keys = 65},
      {.n_q = 70, .key_dim = 64, .value_dim = 64, .keys = 70, .type = CacheType::f32},
      {.n_q = 70, .key_dim = 36, .value_dim = 20, .keys = 200, .type = CacheType::bf16},
      {.n_q = 9, .key_dim = 64, .value_dim = 48, .keys = 150, .soft_cap = 2},
      {.n_q = 9, .key_dim = 64, .value_dim = 48, .keys = 150, .with_sink = true},
      {.n_q = 33, .key_dim = 64, .value_dim = 64, .keys = 250, .window = 70},
      {.n_q = 40, .key_dim = 64, .value_dim = 64, .keys = 25},  // the first queries see nothing
  };
  for (const Attention& a : cases) {
    const std::vector<float> expected = attend(*kernels::find_table("reference"), a);
    const std::vector<float> got = attend(table(), a);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], 2e-5 * (1 + std::fabs(expected[i])))
          << "case " << (&a - cases) << " at " << i;
    }
  }
}

}  // namespace
