// Speed and quality of every registry row.
//
//   quant_bench             weights/s of encoding, GB/s of decoding (google-benchmark flags)
//   quant_bench --quality   errors on the golden matrices against the reference encoders'
//   quant_bench --table     one line a type: reference error, ours, ratio, speed on one thread
//   quant_bench --errors    name, reference error, ours with best and with fast effort; for scripts
//
// Decoding is compared with `copy`, which writes as many floats as a decoder does.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <ctime>

#include "support/matrices.h"

namespace {

using quant::Codec;
using quant::Effort;

constexpr std::size_t kCols = 4096;
constexpr std::size_t kRows = 64;  // 1 MiB of floats: outside the first cache, inside the last

struct Matrix {
  std::vector<float> x = test::gaussian(kRows * kCols, 0.02f, 1);
  std::vector<float> importance = test::hostile_importances(kCols)[2].values;
};

const Matrix& matrix() {
  static const Matrix m;
  return m;
}

void encode(benchmark::State& state, const Codec* codec, Effort effort, bool with_importance) {
  const quant::EncodeInput in{.x = matrix().x,
                              .rows = kRows,
                              .cols = kCols,
                              .importance = with_importance
                                                ? std::span<const float>(matrix().importance)
                                                : std::span<const float>(),
                              .effort = effort};
  std::vector<std::byte> out(kRows * codec->row_bytes(kCols));
  for (auto _ : state) {
    codec->encode(in, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["weights/s"] = benchmark::Counter(static_cast<double>(kRows * kCols),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}

void count_floats(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kRows * kCols * sizeof(float)));
}

void decode(benchmark::State& state, const Codec* codec) {
  const auto bytes = test::encode(*codec, {.x = matrix().x,
                                           .rows = kRows,
                                           .cols = kCols,
                                           .importance = matrix().importance,
                                           .effort = Effort::fast});
  std::vector<float> out(codec->group_rows * kCols);
  const std::size_t group_bytes = codec->group_rows * codec->row_bytes(kCols);
  for (auto _ : state) {
    for (std::size_t g = 0; g < kRows / codec->group_rows; ++g) {
      codec->decode(std::span(bytes).subspan(g * group_bytes, group_bytes), kCols, out);
      benchmark::DoNotOptimize(out.data());
    }
  }
  count_floats(state);
}

void copy(benchmark::State& state) {
  std::vector<float> out(kCols);
  for (auto _ : state) {
    for (std::size_t r = 0; r < kRows; ++r) {
      std::memcpy(out.data(), matrix().x.data() + r * kCols, kCols * sizeof(float));
      benchmark::DoNotOptimize(out.data());
    }
  }
  count_floats(state);
}

void register_speed() {
  benchmark::RegisterBenchmark("decode/copy", copy);
  for (const Codec* codec : quant::all_codecs()) {
    const std::string name(codec->name);
    if (codec->encode == nullptr) continue;
    benchmark::RegisterBenchmark(("decode/" + name).c_str(), decode, codec);
    benchmark::RegisterBenchmark(("encode/fast/" + name).c_str(), encode, codec, Effort::fast,
                                 true);
    benchmark::RegisterBenchmark(("encode/best/" + name).c_str(), encode, codec, Effort::best,
                                 true);
  }
}

double error_of(const Codec& codec, const test::GoldenSet& set, const test::GoldenRow& row,
                Effort effort, std::span<const float> importance, std::span<const float> judged) {
  const auto bytes = test::encode(codec, {.x = set.input,
                                          .rows = row.rows,
                                          .cols = row.cols,
                                          .importance = importance,
                                          .effort = effort});
  return test::relative_error(set.input, test::decode(codec, bytes, row.rows, row.cols), judged);
}

void print_quality(const test::GoldenSet& set) {
  fmt::print("{} (error / reference error)\n{:<12} {:>10} {:>8} {:>8} {:>8} {:>10} {:>8} {:>8}\n",
             set.name, "type", "wrmse ref", "best", "fast", "(rmse)", "plain ref", "best", "fast");
  for (const Codec* codec : quant::all_codecs()) {
    const auto found = set.rows.find(codec->name);
    if (found == set.rows.end() || codec->encode == nullptr) continue;
    const test::GoldenRow& row = found->second;
    const auto ratio = [&](Effort effort, bool weighted) {
      const double reference = weighted ? row.wrmse_importance : row.rmse_plain;
      if (reference <= 0) return 0.0;
      const std::span<const float> v =
          weighted ? std::span<const float>(set.importance) : std::span<const float>();
      return error_of(*codec, set, row, effort, v, v) / reference;
    };
    const double unweighted =
        error_of(*codec, set, row, Effort::best, set.importance, {}) / row.rmse_importance;
    fmt::print("{:<12} {:>10.6f} {:>8.4f} {:>8.4f} {:>8.4f} {:>10.6f} {:>8.4f} {:>8.4f}\n",
               codec->name, row.wrmse_importance, ratio(Effort::best, true),
               ratio(Effort::fast, true), unweighted, row.rmse_plain, ratio(Effort::best, false),
               ratio(Effort::fast, false));
  }
}

double seconds_of(const Codec& codec, Effort effort) {
  const quant::EncodeInput in{.x = matrix().x,
                              .rows = kRows,
                              .cols = kCols,
                              .importance = matrix().importance,
                              .effort = effort};
  std::vector<std::byte> out(kRows * codec.row_bytes(kCols));
  // The median of three, of processor time: others may be using the machine.
  std::array<double, 3> runs{};
  for (double& run : runs) {
    const std::clock_t start = std::clock();
    codec.encode(in, out);
    run = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  }
  std::sort(runs.begin(), runs.end());
  return runs[1];
}

void print_table(const test::GoldenSet& set) {
  fmt::print("{:<12} {:>10} {:>10} {:>7} {:>7} {:>9} {:>10} {:>10}\n", "type", "wrmse ref", "ours",
             "ratio", "fast", "plain", "Mw/s best", "Mw/s fast");
  double product = 0;
  std::size_t count = 0;
  for (const Codec* codec : quant::all_codecs()) {
    const auto found = set.rows.find(codec->name);
    if (found == set.rows.end() || codec->encode == nullptr || codec->is_float()) continue;
    const test::GoldenRow& row = found->second;
    const auto error = [&](Effort effort, std::span<const float> v) {
      return error_of(*codec, set, row, effort, v, v);
    };
    const double best = error(Effort::best, set.importance);
    const double fast = error(Effort::fast, set.importance);
    const double plain = row.rmse_plain > 0 ? error(Effort::best, {}) / row.rmse_plain : 0;
    const double ratio = best / row.wrmse_importance;
    constexpr double kWeights = kRows * kCols / 1e6;
    fmt::print("{:<12} {:>10.6f} {:>10.6f} {:>7.4f} {:>7.4f} {:>9.4f} {:>10.2f} {:>10.2f}{}\n",
               codec->name, row.wrmse_importance, best, ratio, fast / row.wrmse_importance, plain,
               kWeights / seconds_of(*codec, Effort::best),
               kWeights / seconds_of(*codec, Effort::fast), ratio > 0.95 ? "  above .95" : "");
    if (codec->plain != nullptr) continue;
    product += std::log(ratio);
    ++count;
  }
  fmt::print("geometric mean of the ratio, plain types: {:.4f}\n",
             std::exp(product / static_cast<double>(count)));
}

/// Errors on the golden weights, of types that a reference encodes.
void print_errors(const test::GoldenSet& set) {
  for (const Codec* codec : quant::all_codecs()) {
    const auto found = set.rows.find(codec->name);
    if (found == set.rows.end() || codec->encode == nullptr || codec->is_float()) continue;
    const auto error = [&](Effort effort) {
      return error_of(*codec, set, found->second, effort, set.importance, set.importance);
    };
    fmt::print("{} {:.7f} {:.7f} {:.7f}\n", codec->name, found->second.wrmse_importance,
               error(Effort::best), error(Effort::fast));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--quality") == 0) {
    for (const test::GoldenSet& set : test::golden_sets()) print_quality(set);
    return 0;
  }
  const bool table = argc > 1 && std::strcmp(argv[1], "--table") == 0;
  const bool errors = argc > 1 && std::strcmp(argv[1], "--errors") == 0;
  if (table || errors) {
    for (const test::GoldenSet& set : test::golden_sets()) {
      if (set.name == "weights") table ? print_table(set) : print_errors(set);
    }
    return 0;
  }
  register_speed();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
