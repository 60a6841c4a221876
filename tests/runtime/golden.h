// The small trained MLA model and its golden outputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/evaluate.h"
#include "support/support.h"

namespace test {

inline std::filesystem::path tiny_model() { return source_path("data/tiny-mla-bf16.gguf"); }

inline std::vector<std::int32_t> read_ids(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_bytes(path);
  std::vector<std::int32_t> ids(bytes.size() / 4);
  std::memcpy(ids.data(), bytes.data(), ids.size() * 4);
  return ids;
}
inline std::vector<std::int32_t> first_chunk_ids() {
  return read_ids(source_path("tests/golden/tiny-mla/eval_chunk0_tokens.i32"));
}
inline std::vector<float> first_chunk_logits() {
  return read_floats(source_path("tests/golden/tiny-mla/eval_chunk0_logits_64x4096.f32"));
}

struct Setup {
  std::size_t threads = 2;
  const kernels::KernelTable* table = kernels::find_table("reference");
  runtime::EvaluateOptions options = {};
};

/// Logits of all wanted positions of all chunks, in order.
inline std::vector<float> logits_of(const runtime::Model& model,
                                    const std::vector<runtime::Chunk>& chunks, const Setup& setup,
                                    std::span<runtime::Observer* const> observers = {}) {
  runtime::Team team(setup.threads);
  base::SilentProgress progress;
  const base::StopFlag stop;
  runtime::Runtime rt{.team = team, .kernels = *setup.table, .progress = progress, .stop = stop};
  std::vector<float> out;
  runtime::evaluate(
      model, chunks, setup.options, observers,
      [&](std::size_t, std::size_t, const runtime::Rows& rows) {
        for (std::size_t i = 0; i < rows.n; ++i) {
          out.insert(out.end(), rows.row(i), rows.row(i) + rows.cols);
        }
      },
      rt);
  return out;
}

/// Largest difference over the first want.size() values, relative to the range of `want`.
inline double relative_difference(std::span<const float> got, std::span<const float> want) {
  if (got.size() < want.size()) return HUGE_VAL;
  const auto [low, high] = std::minmax_element(want.begin(), want.end());
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double d = std::abs(static_cast<double>(got[i]) - want[i]);
    if (!(d <= worst)) worst = d;  // also true for NaN
  }
  return worst / (static_cast<double>(*high) - *low);
}

}  // namespace test
